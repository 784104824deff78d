package broker

import (
	"context"
	"iter"

	"github.com/eipd/eipd/eip"
)

// Browser is a broker that can show what waits in a queue, and leave it there.
type Browser interface {
	// Price says what it costs to look at a queue, without looking. An error is that it
	// cannot be looked at, or that a look could lose messages, and says what to do.
	Price(ctx context.Context, queue Channel) (Price, error)
	// Browse yields what waits in a queue, the head first, as it was when the look began
	// or later. What it yields has no receipt; who needs its body longer than until the
	// next one keeps a copy. It ends with the queue, with ctx, or with Price's Most. It
	// refuses what Price refuses.
	Browse(ctx context.Context, queue Channel, o BrowseOptions) iter.Seq2[Browsed, error]
}

// BrowseOptions say how much of a queue is looked at.
type BrowseOptions struct {
	Most int // messages; 0: all
}

// Browsed is a message in a queue.
type Browsed struct {
	*eip.Message
	// Taken: somebody has it at the moment, and has not settled it.
	Taken bool
}

// Price is what a look at a queue costs.
type Price struct {
	// Deliveries: each message that is looked at has one delivery less before the broker
	// gives it up.
	Deliveries bool
	// Away: while the look lasts, no other reader gets the messages, and afterwards each
	// of them counts as redelivered.
	Away bool
	// Most is how many messages are shown at most; 0: all.
	Most int
}
