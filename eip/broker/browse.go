package broker

import (
	"context"
	"iter"

	"github.com/eipd/eipd/eip"
)

// Browser is a broker that can show what waits in a queue, and leave it there. Its methods
// may be called from several goroutines, and create nothing.
type Browser interface {
	// Price says what it costs to look at a queue, without looking. An error is that it
	// cannot be looked at, or that a look could lose messages, and says what to do. Of a
	// queue that does not exist it is one that eip.Gone made.
	Price(ctx context.Context, queue Channel) (Price, error)
	// Browse yields what waits in a queue, the head first, as it was when the look began
	// or later. What it yields is the caller's to keep, and need not be settled. It ends
	// with the queue as it was long when the look began, or with Price's Most; ctx and
	// whatever else ends it before is a last error. It refuses what Price refuses.
	Browse(ctx context.Context, queue Channel, o BrowseOptions) iter.Seq2[Browsed, error]
}

// BrowseOptions say how much of a queue is looked at.
type BrowseOptions struct {
	Most int // messages; 0: all
}

// Browsed is a message in a queue.
type Browsed struct {
	*eip.Message
	// Taken: somebody has it at the moment, and has not settled it. RabbitMQ does not show
	// such messages, and ActiveMQ shows them and does not say so.
	Taken bool
}

// Price is what a look at a queue costs.
type Price struct {
	// Deliveries: each message that is looked at has one delivery less before the broker
	// gives it up.
	Deliveries bool `json:"deliveries"`
	// Away: while the look lasts, no other reader gets the messages, and afterwards each
	// of them counts as redelivered.
	Away bool `json:"away"`
	// Reorders: messages may come in another order afterwards, where some in the queue had
	// been given back before.
	Reorders bool `json:"reorders"`
	// Most is how many messages are shown at most; 0: all.
	Most int `json:"most,omitempty"`
}
