package amqp

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// session is one AMQP channel of a sender.
type session struct {
	*sender
	conn     *connection
	channel  *amqp.Channel
	returns  chan amqp.Return
	confirms chan amqp.Confirmation
	closed   chan *amqp.Error
	progress bool // something was settled
	began    time.Time
	hindered bool      // until something is confirmed
	lone     *outgoing // what was published alone last
}

// run publishes what a lost channel left unconfirmed, lets the sender publish, and
// takes the confirms until the channel is lost. It returns why it was; and whether
// what is under way must be published one by one next time, because the server
// closed the channel over something that was published.
func (x *session) run(alone bool) (suspect bool, why error) {
	finished := make(chan struct{})
	one := make(chan struct{}, 1) // something was settled; publish the next
	go func() {
		defer close(finished)
		x.republish(alone, one)
	}()
	err := x.take(one)
	close(one)
	go x.drain()
	hurry(x.conn, func() { _ = x.channel.Close() }) // it may be lost
	<-finished
	x.sender.mu.Lock()
	x.sender.channel = nil
	x.sender.mu.Unlock()
	if err == nil {
		return false, nil
	}
	if why = trouble(err); why == error(err) {
		why = errors.New(explain(err))
	}
	return x.blame(err, alone), why
}

// take takes confirms and returns until the channel is lost or the sender closed.
func (x *session) take(one chan<- struct{}) *amqp.Error {
	confirms, returns := x.confirms, x.returns
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				returns = nil
				continue
			}
			if err := x.returned(&r); err != nil {
				return err
			}
		case c, ok := <-confirms:
			if !ok {
				confirms = nil
				continue
			}
			if err := x.batch(c, confirms, returns); err != nil {
				return err
			}
			select {
			case one <- struct{}{}:
			default:
			}
		case err := <-x.closed:
			select {
			case c, ok := <-confirms: // the last that came
				if ok {
					_ = x.batch(c, confirms, returns) // the session ends anyway
				}
			default:
			}
			return err
		case <-x.sender.ctx.Done():
			return nil
		}
	}
}

// batch takes a confirm, and those that have come since. A return came before its
// confirm, and is looked at first.
func (x *session) batch(c amqp.Confirmation, confirms <-chan amqp.Confirmation, returns <-chan amqp.Return) *amqp.Error {
	for ok := true; ok; {
		for len(returns) > 0 {
			r, open := <-returns
			if !open {
				break
			}
			if err := x.returned(&r); err != nil {
				return err
			}
		}
		if err := x.confirmed(c); err != nil {
			return err
		}
		select {
		case c, ok = <-confirms:
		default:
			return nil
		}
	}
	return nil
}

// drain takes what the library still has to say: it does not buffer it, and reads
// nothing else meanwhile.
func (x *session) drain() {
	returns, confirms := x.returns, x.confirms
	for returns != nil || confirms != nil {
		select {
		case _, ok := <-returns:
			if !ok {
				returns = nil
			}
		case _, ok := <-confirms:
			if !ok {
				confirms = nil
			}
		}
	}
}

// republish publishes what is under way in its order, but for what will come from
// its source again, and then lets new messages follow.
func (x *session) republish(alone bool, one <-chan struct{}) {
	x.publishing.Lock()
	defer x.publishing.Unlock()
	x.giveUp()
	x.sender.mu.Lock()
	old := slices.Clone(x.underWay)
	x.sender.mu.Unlock()
	for _, o := range old {
		if x.conn.wire.room(x.sender.ctx) != nil {
			return
		}
		if alone {
			x.sender.mu.Lock()
			x.lone = o
			x.sender.mu.Unlock()
		}
		x.publish(x.channel, o)
		if alone {
			if _, open := <-one; !open {
				return
			}
		}
	}
	x.sender.mu.Lock()
	x.sender.channel = x.channel
	x.sender.mu.Unlock()
}

// returned notes that nobody took a message. Its confirm comes next. Where the
// queue is ours to declare it is gone, else its node may be away; the session then
// ends, so that the queue is declared anew and what is under way published again, in
// order.
func (x *session) returned(r *amqp.Return) *amqp.Error {
	if x.queue != "" && (x.declare || x.down(x.queue)) {
		return &amqp.Error{Code: int(r.ReplyCode), Reason: "the queue is gone: " + r.ReplyText}
	}
	why := fmt.Errorf("publish to %q: the broker gave it back: %s (%d)", r.RoutingKey, r.ReplyText, r.ReplyCode)
	// Waiting will not make an address out of a message exist, unless its node is away.
	if x.key == "" && (broker.IsInbox(x.broker, r.RoutingKey) || !x.down(r.RoutingKey)) {
		why = eip.Gone(why)
	}
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	for _, o := range x.underWay {
		if o.returned == nil && same(r, o) {
			o.returned = why
			break
		}
	}
	return nil
}

// down reports whether a queue is there, on a node that is away.
func (x *session) down(queue string) bool {
	err := apart(x.conn.Connection, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		return err
	})
	var a *amqp.Error
	return errors.As(err, &a) && isDown(a)
}

// confirmed settles the oldest message under way: the library gives confirms in
// the order of publishing. An AMQP channel by which a quorum queue has lost its leader
// refuses all that is sent, also when there is a new one, so the session then ends.
// Where the queue cannot be full, what was refused is published again.
func (x *session) confirmed(c amqp.Confirmation) *amqp.Error {
	var stale *amqp.Error
	if !c.Ack && x.arguments["x-max-length"] == nil && x.arguments["x-max-length-bytes"] == nil {
		stale = &amqp.Error{Code: amqp.InternalError, Reason: "the broker refuses what is sent: a queue has lost its quorum, or is full by a policy"}
		if x.arguments["x-queue-type"] == "quorum" {
			return stale
		}
	}
	o := x.oldest(c.DeliveryTag)
	if o == nil {
		return nil
	}
	err := o.returned
	if err == nil && c.Ack && x.hindered {
		x.hindered = false
		x.over(&x.broker.config, "publishing again", slog.String("to", x.name()))
	}
	if err == nil && !c.Ack {
		err = fmt.Errorf("publish to %s: the broker refused it (is the queue full?)", x.name())
	}
	o.release(err)
	if stale != nil && time.Since(x.began) < answerTime { // it is new
		return nil
	}
	return stale
}

// oldest takes out the oldest message under way, where it was published under this
// tag.
func (x *session) oldest(tag uint64) *outgoing {
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	if len(x.underWay) == 0 || x.underWay[0].tag != tag {
		return nil
	}
	o := x.underWay[0]
	x.underWay[0] = nil
	x.underWay = x.underWay[1:]
	x.progress = true
	x.broker.room.confirmed(o.place)
	if len(x.underWay) == 0 {
		x.wakeIdle()
	}
	return o
}

// blame decides whether something that was published made the server close the
// channel. Published alone, it was the oldest, which then fails.
func (x *session) blame(err *amqp.Error, alone bool) (suspect bool) {
	if !err.Server || !faults[err.Code] && !strings.Contains(err.Reason, "access to topic") {
		return false
	}
	if alone {
		x.sender.mu.Lock()
		var tag uint64
		if len(x.underWay) > 0 && x.underWay[0] == x.lone {
			tag = x.lone.tag
		}
		x.sender.mu.Unlock()
		if o := x.oldest(tag); o != nil {
			o.release(eip.Permanent(errors.New("publish: the broker does not take it: " + explain(err))))
		}
	}
	return true
}

// faults are the reply codes of what can be a message's own fault.
var faults = map[int]bool{
	amqp.ContentTooLarge: true, amqp.PreconditionFailed: true, amqp.FrameError: true, amqp.SyntaxError: true,
	amqp.CommandInvalid: true, amqp.NotImplemented: true, amqp.NotAllowed: true, amqp.InternalError: true,
}
