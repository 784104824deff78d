package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// Bounds of replay.
const (
	replayUnderWay = 20  // messages that the flow has at once, besides its own
	replaySkipped  = 500 // messages of others that are held until the end; of a count, ten times that
)

// replay is the command of that name: it takes a flow's dead letters from their
// queue, and passes them through the flow once more.
func (s *Server) replay(r *request) (any, error) {
	most, invalid := r.whole("count"), r.flag("invalid")
	if r.wrong != nil {
		return nil, r.wrong
	}
	if r.Target == "" {
		return nil, Errorf(BadArgs, "replay needs the flow whose dead letters it is to take as its target")
	}
	flows, err := find("flow", r.Target, same, s.Process.Flows(), Flow.Name)
	if err != nil {
		return nil, err
	}
	flow := flows[0]
	if flow.State() != Running {
		return nil, Errorf(Failed, "the flow %s is %s; start it first", flow.Name(), flow.State())
	}
	skip := atMost(10*min(most, replaySkipped), replaySkipped)
	if _, again := s.near.Load(r.Target); again { // to look once more would be one more delivery
		return nil, Errorf(Failed, "%v", errNear)
	}
	src, limit, err := flow.DeadLetters(r.ctx, invalid, atMost(most, replayUnderWay)+skip)
	if err != nil {
		return nil, err
	}
	p := &replaying{server: s, flow: flow, most: most, skip: skip, limit: limit, began: s.Clock.Now(), free: make(chan struct{}, replayUnderWay)}
	err = errors.Join(p.run(r.ctx, src), src.Close())
	if errors.Is(err, errNear) {
		s.near.Store(r.Target, true)
	}
	if err != nil {
		return nil, Errorf(Failed, "%d messages were passed through the flow: %v", p.passed, err)
	}
	return Replayed{p.passed - p.again.Load(), p.again.Load(), p.skipped}, nil
}

// Replayed is the result of replay.
type Replayed struct {
	// Replayed is how many passed through the flow once more, and did not fail.
	Replayed int64 `json:"replayed"`
	// FailedAgain are dead letters again.
	FailedAgain int64 `json:"failed_again"`
	// Skipped stay where they are: they are another flow's, failed just now, have lost their
	// headers, or were made by a stage that is there no more.
	Skipped int64 `json:"skipped,omitempty"`
}

type replaying struct {
	server  *Server
	flow    Flow
	most    int64 // 0: all
	skip    int   // how many of others may be in between
	began   time.Time
	passed  int64
	limit   int64         // of deliveries: -1 none, 0 unknown
	again   atomic.Int64  // failed again
	free    chan struct{} // an entry for each that is under way
	skipped int64         // they are held until the source closes, which gives all back in one step
}

var errNear = errors.New("the broker would drop messages that are given back to the queue once more, by its delivery limit; give each flow a dead_letter queue of its own, or on RabbitMQ 4 set its x-delivery-limit to -1, which is none, and start the process anew")

// near reports whether the broker may drop m soon, where it is given back.
func (p *replaying) near(m *eip.Message) bool {
	count, _ := m.Headers["x-delivery-count"].(int64)
	return p.limit == 0 && count > 0 || p.limit > 0 && count+1 >= p.limit
}

func (p *replaying) run(ctx context.Context, src eip.Source) error {
	defer p.settle(ctx)
	for p.most == 0 || p.passed < p.most {
		if p.skipped == int64(p.skip) {
			return fmt.Errorf("%d messages at the head of the queue are not this flow's to replay, and those behind cannot be reached", p.skip)
		}
		m, idle, err := receiveSoon(ctx, src)
		switch {
		case m == nil && idle: // the queue is empty
			return ctx.Err()
		case m == nil:
			return err
		case !p.mine(m) && p.near(m):
			return errNear
		case !p.mine(m):
			p.skipped++
		default:
			if err := p.pass(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// mine reports whether m is a dead letter of this flow, from before the command, and
// whole. The stage that made it, if any, must still be there.
func (p *replaying) mine(m *eip.Message) bool {
	if m.Headers[header.Stripped] != nil {
		return false
	}
	failed, _ := m.Headers[header.Failed].(string)
	at, err := time.Parse(time.RFC3339Nano, failed)
	if after := m.Headers[header.After]; after != nil && !slices.ContainsFunc(p.flow.Stages(), func(s Stage) bool { return s.Address == after }) {
		return false
	}
	return m.Headers[header.Flow] == p.flow.Name() && err == nil && at.Before(p.began)
}

// pass gives m to the flow as it came there first. m settles when the flow has done
// with it.
func (p *replaying) pass(ctx context.Context, m *eip.Message) error {
	select {
	case p.free <- struct{}{}:
	case <-ctx.Done():
		eip.Deliver(ctx, failing(ctx.Err()), m)
		return ctx.Err()
	}
	leave, err := p.server.enter(p.flow.Name())
	if err != nil {
		<-p.free
		eip.Deliver(ctx, failing(err), m)
		return err
	}
	release := m.Hold()
	again := m.Revived().Fork(func(err error) {
		leave()
		release(err)
		<-p.free
	})
	eip.Deliver(ctx, eip.Discard, m)
	taken := make(chan error, 1)
	go func() { taken <- p.flow.Replay(again, func() { p.again.Add(1) }) }() // it may have to wait for another message
	select {
	case err := <-taken:
		if err == nil {
			p.passed++
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle waits for what is under way.
func (p *replaying) settle(ctx context.Context) {
	for range replayUnderWay {
		select {
		case p.free <- struct{}{}:
		case <-ctx.Done():
		}
	}
}

// failing settles what is delivered to it with err, or nil.
func failing(err error) eip.Handler {
	return eip.HandlerFunc(func(context.Context, *eip.Message) error { return err })
}
