package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// openDeadLetters opens the queue FLOW.dead of a flow that names no dead-letter
// channel. A broker that the process does not use otherwise is opened only when
// a message fails: a flow between adapters needs no broker, and no data directory.
func (r *flowRun) openDeadLetters(ctx context.Context) error {
	d := r.implicit()
	if d == nil || r.unit.openBroker(d.on) == nil {
		return nil
	}
	err := d.open(ctx)
	switch {
	case err == nil:
	case d.Trouble() == nil:
		return fmt.Errorf("flow %s: open its dead-letter queue: %w", r.decl.Name, err)
	default:
		r.beside.Go(d.keepOpening)
	}
	return nil
}

// keepOpening opens the queue when the broker lets it.
func (d *deadLetters) keepOpening() {
	for wait := first; d.Trouble() != nil; wait = min(2*wait, soon) {
		if d.Trouble().Refused {
			wait = longest
		}
		if d.unit.host.options.Clock.Sleep(d.abort, wait) != nil {
			return
		}
		_ = d.open(d.abort) // it notes what keeps it
	}
}

// DeadLetters is the queue for what has failed, or is invalid.
func (r *flowRun) DeadLetters(ctx context.Context, invalid bool) (deadletter.Queue, error) {
	queue, on, err := r.letters(invalid)
	if err != nil {
		return deadletter.Queue{}, err
	}
	b, err := r.unit.broker(ctx, nil, on)
	if err != nil {
		return deadletter.Queue{}, err
	}
	spec := r.config.Spec(queue)
	return deadletter.Queue{Name: queue.String(), On: b, Channel: spec, Limit: deliveryLimit(on, spec)}, nil
}

// DeadLetterQueue is the name of the queue for what has failed.
func (r *flowRun) DeadLetterQueue() string {
	queue, _, err := r.letters(false)
	if err != nil {
		return ""
	}
	return queue.String()
}

// LastFailure is what the message says of itself that last failed for good.
func (r *flowRun) LastFailure() eip.Headers { return r.flow.LastFailure() }

// letters is the queue for what has failed, or is invalid.
func (r *flowRun) letters(invalid bool) (queue *flow.Channel, on *flow.Broker, err error) {
	to, what := r.decl.DeadLetter, "dead letters"
	if invalid && r.decl.Invalid != nil {
		to, what = r.decl.Invalid, "invalid messages"
	}
	if to == nil {
		if queue = r.decl.DeadQueue(); queue == nil {
			return nil, nil, eip.Permanent(fmt.Errorf("the service keeps no %s; a dead_letter names where they go", what))
		}
		return queue, r.config.SourceBroker(r.decl), nil
	}
	if queue = r.config.ChannelOf(to); queue == nil || queue.Kind != "queue" {
		return nil, nil, eip.Permanent(fmt.Errorf("the flow's %s go to %s, and only a queue can be read back", what, to))
	}
	return queue, r.config.BrokerOf(queue), nil
}

// deliveryLimit is what the flow file says of it, as a Queue has it.
func deliveryLimit(on *flow.Broker, queue broker.Channel) int64 {
	limit, ok := queue.Arguments["x-delivery-limit"].(int64)
	switch {
	case on.Inside(), queue.Arguments["x-queue-type"] == "classic", limit < 0:
		return -1
	case ok:
		return max(limit, 1)
	}
	return 0
}

// openBrokerDeadLetter creates where the broker moves what a channel gives up. The
// broker would drop it otherwise, where no flow uses that queue.
func (r *flowRun) openBrokerDeadLetter(ctx context.Context, ch *flow.Channel) error {
	dead, u := r.config.DeadLetterOf(ch), r.unit
	if dead == nil || !ch.Declare {
		return nil
	}
	u.mu.Lock()
	opened := u.deadLetters[dead]
	u.deadLetters[dead] = true
	u.mu.Unlock()
	if opened {
		return nil
	}
	_, _, err := r.openChannel(ctx, dead, r.config.BrokerOf(dead))
	if err != nil {
		u.mu.Lock()
		delete(u.deadLetters, dead)
		u.mu.Unlock()
	}
	return err
}

// forgetDeadLetters has those opened anew that flows which begin now need: who had them
// open may have gone.
func (u *Unit) forgetDeadLetters() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.deadLetters)
}

type deadLetters struct {
	*flowRun
	queue *flow.Channel
	on    *flow.Broker

	mu      sync.Mutex // held as long as opening takes
	send    *sender
	opened  atomic.Bool
	trouble atomic.Pointer[broker.Trouble] // with opening it
}

// Trouble is what keeps the queue from taking what fails, which then waits.
func (d *deadLetters) Trouble() *broker.Trouble { return d.trouble.Load() }

func (d *deadLetters) open(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.send != nil {
		return nil
	}
	send, _, err := d.openChannel(ctx, d.queue, d.on)
	if eip.IsPermanent(err) && d.queue.Declare { // somebody has made it otherwise
		asItIs := *d.queue
		asItIs.Declare = false
		as, _, failed := d.openChannel(ctx, &asItIs, d.on)
		if failed == nil {
			d.unit.host.log.Warn("the dead-letter queue is used as it is", slog.String("flow", d.decl.Name), slog.Any("why", err))
			send, err = as, nil
		}
	}
	d.send = send
	d.opened.Store(err == nil)
	var t *broker.Trouble
	if errors.As(err, &t) {
		t = &broker.Trouble{Refused: t.Refused, Err: fmt.Errorf("open its dead-letter queue: %w", err)}
		if d.trouble.Load() == nil {
			d.unit.host.log.Warn("flow runs without its dead-letter queue; what fails waits", slog.String("flow", d.decl.Name), slog.Any("why", err))
		}
	}
	d.trouble.Store(t)
	return err
}

func (d *deadLetters) Handle(ctx context.Context, m *eip.Message) error {
	if err := d.open(ctx); err != nil {
		return fmt.Errorf("open %s: %w", d.queue, err)
	}
	return d.send.Handle(ctx, m)
}
