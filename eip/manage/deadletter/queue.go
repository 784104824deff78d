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
	if !ok || !q.On.Capabilities().Browse {
		return nil, eip.Permanent(fmt.Errorf("the broker of %s cannot show what waits in a queue without taking it", q))
	}
	return b, nil
}

// claimPrefix begins the name of what one process has at a time: whoever takes letters
// from a queue.
const claimPrefix = "eip.claim."

// open reads the queue. Where the broker can tell, no other process does so to take
// letters until the source closes.
func (q Queue) open(ctx context.Context, s broker.Subscription) (broker.Source, error) {
	if !q.On.Capabilities().Single {
		return q.On.Source(ctx, q.Channel, s)
	}
	s.Single = claimPrefix + q.Channel.Address
	src, err := q.On.Source(ctx, q.Channel, s)
	var t *broker.Trouble
	switch {
	case !errors.As(err, &t):
	case t.Standby:
		return nil, fmt.Errorf("%w: another process does so, and has %s on the broker; jobs of all processes says which", errClaimed, s.Single)
	case t.Refused && strings.Contains(t.Error(), claimPrefix): // its user may not have such a queue
		s.Single = ""
		return q.On.Source(ctx, q.Channel, s)
	}
	return src, err
}

// errClaimed is why letters of a queue cannot be taken now.
var errClaimed = errors.New("letters are being taken from this queue")

func (q Queue) String() string { return cmp.Or(q.Name, "queue."+q.Channel.Address) }
