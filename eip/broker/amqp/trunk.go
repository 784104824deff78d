package amqp

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// mostLanes is how many senders share an AMQP channel. It bounds what one can disturb:
// where its message makes the server close the channel, what the others have under way
// is published again.
const mostLanes = 16

// trunk is an AMQP channel that senders publish on, each in an order of its own.
type trunk struct {
	conn    *connection
	channel *amqp.Channel
	closed  chan struct{} // when the channel is
	why     *amqp.Error   // read after closed

	mu      sync.Mutex
	lanes   map[*session]bool
	retired bool // nobody may join
}

// board gives a session a trunk: one of its own, or one with others.
func (b *Broker) board(ctx context.Context, x *session, own bool) error {
	if !own {
		select {
		case b.boarding <- struct{}{}: // one trunk for all that come at once
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-b.boarding }()
		b.trunks = slices.DeleteFunc(b.trunks, (*trunk).isOver)
		for _, t := range b.trunks {
			if t.join(x) {
				return nil
			}
		}
	}
	t, err := b.newTrunk(ctx, x)
	if err == nil && !own {
		b.trunks = append(b.trunks, t)
	}
	return err
}

// newTrunk makes a trunk on which x has a lane, even where the channel is lost at once.
func (b *Broker) newTrunk(ctx context.Context, x *session) (*trunk, error) {
	conn, err := b.publish.hold(ctx, nil)
	if err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		conn.free()
		return nil, conn.lostOr(fmt.Errorf("open a channel: %w", err))
	}
	t := &trunk{conn: conn, channel: ch, closed: make(chan struct{}), lanes: map[*session]bool{x: true}}
	x.trunk = t
	go t.watch(ch.NotifyClose(make(chan *amqp.Error, 1)))
	// The library reads on when both have taken a return, which is noted by then.
	go t.returns(ch.NotifyReturn(make(chan amqp.Return)), ch.NotifyReturn(make(chan amqp.Return)))
	if err := ch.Confirm(false); err != nil {
		_ = ch.Close() // it may be lost
		return nil, conn.lostOr(fmt.Errorf("ask for confirms: %w", err))
	}
	return t, nil
}

func (t *trunk) watch(closed <-chan *amqp.Error) {
	t.why = cmp.Or(<-closed, &amqp.Error{Code: amqp.ChannelError, Reason: "the channel was given up"})
	close(t.closed)
	t.conn.free()
}

func (t *trunk) isClosed() bool { return t.channel.IsClosed() }

// isOver reports whether nobody will join.
func (t *trunk) isOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.retired || t.isClosed()
}

// join takes a lane, where there is one.
func (t *trunk) join(x *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retired || t.isClosed() || len(t.lanes) >= mostLanes {
		return false
	}
	t.lanes[x] = true
	x.trunk = t
	return true
}

// leave gives up a lane. With the last the channel goes. Where something failed that a
// new channel may mend, nobody begins on this one any more.
func (t *trunk) leave(x *session, failed bool) {
	t.mu.Lock()
	delete(t.lanes, x)
	last := len(t.lanes) == 0
	t.retired = t.retired || last || failed
	t.mu.Unlock()
	if last {
		t.end()
	}
}

func (t *trunk) end() {
	hurry(t.conn, func() { _ = t.channel.Close() }) // it may be lost
}

func (t *trunk) returns(first, second <-chan amqp.Return) {
	for r := range first {
		t.mu.Lock()
		for x := range t.lanes {
			if x.returned(&r) {
				break
			}
		}
		t.mu.Unlock()
		<-second
	}
}
