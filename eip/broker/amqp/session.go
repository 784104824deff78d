package amqp

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// session is a sender's time on a trunk.
type session struct {
	*sender
	manner
	trunk     *trunk
	published chan struct{} // the oldest under way was
	progress  bool          // something was settled
	began     time.Time
	hindered  bool      // until something is confirmed
	lone      *outgoing // what was published alone last
	left      int       // to be settled in a trial
}

// manner is how a session publishes what an earlier one left.
type manner struct {
	trial bool // that, and nothing else, on a trunk of its own
	alone bool // one by one
}

// run publishes what an earlier session left unconfirmed, lets the sender publish, and
// takes the confirms until the channel is lost. It returns why it was, and the manner of
// the next session.
func (x *session) run() (next manner, why error) {
	finished := make(chan struct{})
	one := make(chan struct{}, 1) // something was settled; publish the next
	go func() {
		defer close(finished)
		x.republish(one)
	}()
	err := x.take(one)
	close(one)
	<-finished
	x.publishing.Lock()
	x.sender.mu.Lock()
	x.sender.lane = nil
	x.sender.mu.Unlock()
	x.publishing.Unlock()
	x.finish(err != nil)
	x.trunk.leave(x, err != nil)
	if err == nil {
		return manner{}, nil
	}
	if why = trouble(err); why == error(err) {
		why = errors.New(explain(err))
	}
	return x.blame(err), why
}

// take takes confirms and returns when the channel is lost, the sender closed or the
// trial over.
func (x *session) take(one chan<- struct{}) *amqp.Error {
	for {
		o, left := x.oldest()
		if x.trial && left == 0 {
			return nil
		}
		var done <-chan struct{}
		if o != nil {
			done = o.confirm.Done()
		}
		select {
		case <-done:
			if !o.confirm.Acked() && x.trunk.isClosed() { // it is not known
				<-x.trunk.closed
				return x.trunk.why
			}
			if err := x.confirmed(o); err != nil {
				return err
			}
			select {
			case one <- struct{}{}:
			default:
			}
		case <-x.published:
		case <-x.trunk.closed:
			return x.trunk.why
		case <-x.sender.ctx.Done():
			return nil
		}
	}
}

// oldest returns the oldest message under way, where it was published, and how many a
// trial has left.
func (x *session) oldest() (o *outgoing, left int) {
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	if len(x.underWay) > 0 && x.underWay[0].confirm != nil {
		o = x.underWay[0]
	}
	return o, x.left
}

// finish takes the confirms that have come. On a trunk that others go on using it waits
// for all: what is published elsewhere must not come before them.
func (x *session) finish(wait bool) {
	x.sender.mu.Lock()
	all := slices.Clone(x.underWay)
	x.sender.mu.Unlock()
	limit := time.NewTimer(answerTime)
	defer limit.Stop()
	for _, o := range all {
		if o.confirm == nil {
			continue
		}
		if wait {
			select {
			case <-o.confirm.Done():
			case <-x.trunk.closed:
			case <-limit.C:
				x.trunk.end()
			}
		}
		if o.confirm.Acked() && o.returned == nil {
			x.settle(o, nil)
		}
	}
}

// republish publishes what is under way in its order, but for what will come from
// its source again, and then lets new messages follow.
func (x *session) republish(one <-chan struct{}) {
	x.publishing.Lock()
	defer x.publishing.Unlock()
	x.giveUp()
	x.sender.mu.Lock()
	old := slices.Clone(x.underWay)
	x.left = len(old)
	x.sender.mu.Unlock()
	defer x.poke()
	for _, o := range old {
		if x.trunk.conn.wire.drained(x.sender.ctx) != nil {
			return
		}
		x.sender.mu.Lock()
		o.sent = true
		if x.alone {
			x.lone = o
		}
		x.sender.mu.Unlock()
		x.publish(o)
		if x.alone {
			if _, open := <-one; !open {
				return
			}
		}
	}
	if x.trial {
		return
	}
	x.sender.mu.Lock()
	x.sender.lane = x
	x.sender.mu.Unlock()
}

// publish writes one message. An error means that the channel is lost, which the
// session finds out by itself.
func (x *session) publish(o *outgoing) {
	confirm, _ := x.trunk.channel.PublishWithDeferredConfirm(x.exchange, o.key, o.mandatory, false, o.publishing)
	x.sender.mu.Lock()
	o.confirm = confirm
	oldest := len(x.underWay) > 0 && x.underWay[0] == o
	x.sender.mu.Unlock()
	if oldest {
		x.poke()
	}
}

func (x *session) poke() {
	select {
	case x.published <- struct{}{}:
	default:
	}
}

// returned notes that nobody took a message, where it is this sender's. Its confirm
// comes next.
func (x *session) returned(r *amqp.Return) bool {
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	for _, o := range x.underWay {
		if o.mandatory && o.sent && o.returned == nil && (o.confirm == nil || !o.confirm.Acked()) && same(r, o) {
			o.returned = r
			return true
		}
	}
	return false
}

// down reports whether a queue is there, on a node that is away.
func (x *session) down(queue string) bool {
	err := x.trunk.conn.call(x.sender.ctx, "look at queue "+queue, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		return err
	})
	var a *amqp.Error
	return errors.As(err, &a) && isDown(a)
}

// confirmed settles the oldest message under way. An AMQP channel by which a quorum
// queue has lost its leader refuses all that is sent, also when there is a new one, so
// the session then ends. Where the queue cannot be full, what was refused is published
// again.
func (x *session) confirmed(o *outgoing) *amqp.Error {
	var err error
	var stale *amqp.Error
	ack, returned := o.confirm.Acked(), o.returned
	if !ack && x.arguments["x-max-length"] == nil && x.arguments["x-max-length-bytes"] == nil {
		stale = &amqp.Error{Code: amqp.InternalError, Reason: "the broker refuses what is sent: a queue has lost its quorum, or is full by a policy"}
		if x.arguments["x-queue-type"] == "quorum" {
			return stale
		}
	}
	switch {
	case returned != nil:
		// Where the queue is ours to declare it is gone, else its node may be away; the
		// session then ends, so that the queue is declared anew and what is under way
		// published again, in order.
		if x.queue != "" && (x.declare || x.down(x.queue)) {
			return &amqp.Error{Code: int(returned.ReplyCode), Reason: "the queue is gone: " + returned.ReplyText}
		}
		err = fmt.Errorf("publish to %q: the broker gave it back: %s (%d)", returned.RoutingKey, returned.ReplyText, returned.ReplyCode)
		// Waiting will not make an address out of a message exist, unless its node is away.
		if x.key == "" && (broker.IsInbox(x.broker, returned.RoutingKey) || !x.down(returned.RoutingKey)) {
			err = eip.Gone(err)
		}
	case !ack:
		err = fmt.Errorf("publish to %s: the broker refused it (is the queue full?)", x.name())
	case x.hindered:
		x.hindered = false
		x.Over(&x.broker.config, "publishing again", slog.String("to", x.name()))
	}
	x.settle(o, err)
	if stale != nil && time.Since(x.began) < answerTime { // it is new
		return nil
	}
	return stale
}

// settle takes out a message that is under way.
func (x *session) settle(o *outgoing, err error) {
	x.sender.mu.Lock()
	switch i := slices.Index(x.underWay, o); i {
	case -1: // it was given up
		x.sender.mu.Unlock()
		return
	case 0:
		x.underWay[0] = nil
		x.underWay = x.underWay[1:]
	default:
		x.underWay = slices.Delete(x.underWay, i, i+1)
	}
	x.left--
	x.progress = true
	if len(x.underWay) == 0 {
		x.wakeIdle()
	}
	x.sender.mu.Unlock()
	<-x.credit
	o.release(err)
}
