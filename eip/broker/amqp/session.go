package amqp

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
)

// session is one AMQP channel of a sender.
type session struct {
	*sender
	channel  *amqp.Channel
	returns  chan amqp.Return
	confirms chan amqp.Confirmation
	closed   chan *amqp.Error
}

// run publishes what a lost channel left unconfirmed, lets the sender publish, and
// takes the confirms until the channel is lost. It returns why it was; and whether
// what is under way must be published one by one next time, because the server
// closed the channel over something that was published.
func (x *session) run(alone bool) (why *amqp.Error, suspect bool) {
	finished := make(chan struct{})
	defer func() {
		x.sender.mu.Lock()
		x.sender.channel = nil
		x.sender.mu.Unlock()
		_ = x.channel.Close() // it may be lost
		x.drain()
		<-finished
	}()
	one := make(chan struct{}, 1) // a confirm came; publish the next
	go func() {
		defer close(finished)
		x.republish(alone, one)
	}()
	confirms, returns := x.confirms, x.returns
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				returns = nil
				continue
			}
			x.returned(&r)
		case c, ok := <-confirms:
			if !ok {
				confirms = nil
				continue
			}
			x.confirmed(c)
			select {
			case one <- struct{}{}:
			default:
			}
		case err := <-x.closed:
			close(one)
			return err, x.blame(err, alone)
		case <-x.sender.ctx.Done():
			close(one)
			return nil, false
		}
	}
}

// drain takes what the library still has to say, which it does not buffer.
func (x *session) drain() {
	go func() {
		for range x.returns {
		}
	}()
	go func() {
		for range x.confirms {
		}
	}()
}

// republish publishes what is under way in its order, and then lets new messages
// follow.
func (x *session) republish(alone bool, one <-chan struct{}) {
	x.sender.publishing.Lock()
	defer x.sender.publishing.Unlock()
	x.sender.mu.Lock()
	old := append([]*outgoing(nil), x.underWay...)
	x.sender.mu.Unlock()
	for _, o := range old {
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

// returned notes that nobody took a message. Its confirm comes next.
func (x *session) returned(r *amqp.Return) {
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	for _, o := range x.underWay {
		if o.tag != 0 && o.returned == nil && same(r, o) {
			o.returned = fmt.Errorf("publish to %q: the broker gave it back: %s (%d)", o.key, r.ReplyText, r.ReplyCode)
			if x.queue == "" { // an address out of a message: waiting will not make it exist
				o.returned = eip.Permanent(o.returned)
			}
			return
		}
	}
}

// confirmed settles the oldest message under way: the library gives confirms in
// the order of publishing.
func (x *session) confirmed(c amqp.Confirmation) {
	x.sender.mu.Lock()
	if len(x.underWay) == 0 || x.underWay[0].tag != c.DeliveryTag {
		x.sender.mu.Unlock()
		return
	}
	o := x.underWay[0]
	x.underWay[0] = nil
	x.underWay = x.underWay[1:]
	x.sender.mu.Unlock()
	<-x.room
	err := o.returned
	if err == nil && !c.Ack {
		err = fmt.Errorf("publish to %s: the broker refused it (is the queue full?)", x.name())
	}
	o.release(err)
}

// blame decides whether something that was published made the server close the
// channel. Published alone, it was the oldest, which then fails.
func (x *session) blame(err *amqp.Error, alone bool) (suspect bool) {
	if err == nil || !err.Server || err.Code == amqp.ConnectionForced {
		return false
	}
	if !alone {
		return true
	}
	x.sender.mu.Lock()
	if len(x.underWay) == 0 || x.underWay[0].tag == 0 {
		x.sender.mu.Unlock()
		return true
	}
	o := x.underWay[0]
	x.underWay = x.underWay[1:]
	x.sender.mu.Unlock()
	<-x.room
	o.release(eip.Permanent(errors.New("publish: the broker does not take it: " + explain(err))))
	return true
}
