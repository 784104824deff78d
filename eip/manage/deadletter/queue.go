package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A Queue is where the dead letters of a flow wait, or its invalid messages.
type Queue struct {
	Name    string // as addresses name it: queue.orders.dead
	On      broker.Broker
	Channel broker.Channel
	// Limit is how often the broker delivers a message at most: -1 for ever, 0 nobody
	// knows.
	Limit int64

	single string // that its readers have; "": nothing
}

// place tells queues apart, whatever flows call them.
type place struct {
	on      broker.Broker
	address string
}

func (q Queue) place() place { return place{q.On, q.Channel.Address} }

// unlimited reports whether to take a message and to give it back costs it nothing.
func (q Queue) unlimited(ctx context.Context) bool {
	if q.Limit != 0 {
		return q.Limit < 0
	}
	b, ok := q.On.(broker.Browser)
	if !ok {
		return false
	}
	price, err := b.Price(ctx, q.Channel)
	return err == nil && !price.Deliveries
}

// Browser shows what is in the queue, where its broker can.
func (q Queue) Browser() (broker.Browser, error) {
	b, ok := q.On.(broker.Browser)
	if !ok {
		return nil, eip.Permanent(fmt.Errorf("the broker of %s cannot show what waits in a queue without taking it", q))
	}
	return b, nil
}

// claimPrefix begins the name of what one process has at a time: whoever takes letters
// from a queue.
const claimPrefix = "eip.claim."

// claim has no other process take letters from the queue, until release is called. Where
// the broker cannot tell, or does not let its user, it does nothing.
func (q *Queue) claim(ctx context.Context) (release func() error, err error) {
	nothing := func() error { return nil }
	if !q.On.Capabilities().Single {
		return nothing, nil
	}
	single := claimPrefix + q.Channel.Address
	holds := broker.Channel{Address: single + "." + eip.NewID(), Declare: true, Exclusive: true} // a claim is a reader's, and nothing comes here
	src, err := q.On.Source(ctx, holds, broker.Subscription{Single: single})
	var t *broker.Trouble
	switch {
	case err == nil:
		q.single = single
		return src.Close, nil
	case errors.As(err, &t) && t.Standby:
		return nil, fmt.Errorf("%w: another process does so, and has %s on the broker; jobs of all processes says which", errClaimed, single)
	case errors.As(err, &t) && t.Refused && strings.Contains(t.Error(), claimPrefix):
		return nothing, nil
	}
	return nil, fmt.Errorf("claim %s: %w", q, err)
}

// errClaimed is why letters of a queue cannot be taken now.
var errClaimed = errors.New("letters are being taken from this queue")

func (q Queue) String() string { return cmp.Or(q.Name, "queue."+q.Channel.Address) }
