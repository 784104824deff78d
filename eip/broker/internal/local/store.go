package local

import (
	"context"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A Store keeps durable channels on disk. Its methods are safe for concurrent use.
type Store interface {
	// Kept returns what earlier processes left.
	Kept() []Kept
	// Declare keeps spec, which replaces an earlier one of the same names. It
	// returns where the channel's messages go: nil of a topic itself. It waits for
	// the disk.
	Declare(spec Spec) (Log, error)
	// Drop forgets what Declare kept, and all messages in it.
	Drop(spec Spec) error
	// Append writes a message to the logs of its entries, and says so by
	// a.Finish. It blocks while too much is under way.
	Append(ctx context.Context, a *Append) error
	// Busy reports whether something is not yet on disk.
	Busy() bool
	// Trouble says why nothing can be written at present; "" where it can. The
	// channel is closed when that changes.
	Trouble() (string, <-chan struct{})
	// Close writes what is under way, and how far each queue was delivered.
	Close() error
}

// A Log is the messages of one durable queue.
type Log interface {
	// Attach tells who wants to hear of what is committed.
	Attach(q *Queue)
	// Read returns entries from the first number to the last, as many as are a
	// sensible read.
	Read(from, to uint64) (Batch, error)
	// Look is Read, and sets nothing aside.
	Look(from, to uint64) (Batch, error)
	// Behind returns what is closed when another entry may be delivered; nil where
	// one may be at once. It bounds what is settled and not yet deleted.
	Behind() <-chan struct{}
	// Delete removes an entry soon. It does not wait for the disk.
	Delete(e *Entry)
	// Mark waits until it is on disk that messages up to seq may have been
	// delivered.
	Mark(ctx context.Context, seq uint64) error
}

// A Batch is what was read of a log.
type Batch struct {
	Entries []*Entry
	Next    uint64 // where to go on
	Damaged int    // entries that cannot be read, and were set aside
}

// Spec is what a store keeps of a channel: of a queue, of a topic (Subscription is
// "") or of a topic's subscription.
type Spec struct {
	Kind         broker.Kind   `json:"kind"`
	Address      string        `json:"address"`
	Subscription string        `json:"subscription,omitempty"`
	Pattern      string        `json:"pattern,omitempty"`
	MaxLength    int           `json:"max_length,omitempty"`
	TTL          time.Duration `json:"ttl,omitempty"`
	DeadLetter   string        `json:"dead_letter,omitempty"`
	AutoDelete   bool          `json:"auto_delete,omitempty"`
}

// Kept is a channel that an earlier process left.
type Kept struct {
	Spec Spec
	Log  Log // nil of a topic
	// First and Last are the numbers of the messages in it; Last is 0 where there
	// are none. Next is what the next one gets.
	First, Last uint64
	Count       int
	Mark        uint64 // messages up to here may have been delivered
}

// An Append is one message on its way to the logs of its entries.
type Append struct {
	Message *eip.Message // held; nil once finished
	Entries []*Entry

	release func(error)
	sender  *sender
	first   Entry // nearly always there is just one
	array   [1]*Entry
}

// Finish is called once, when the message is committed (nil) or cannot be. It
// makes the entries available, and only then releases the message.
func (a *Append) Finish(err error) {
	if a.sender != nil {
		a.sender.traffic.Settled(a.Message.IsTest(), err)
	}
	for _, e := range a.Entries {
		if err == nil {
			e.queue.arrive(e)
		} else {
			e.queue.unreserve(e.size)
		}
	}
	// The first entry lives in a; it must not keep the sent message alive.
	release, s := a.release, a.sender
	a.Message, a.release, a.sender = nil, nil, nil
	release(err)
	if s != nil {
		s.finished()
	}
}
