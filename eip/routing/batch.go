package routing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("batch", func() eip.Stage { return NewBatch() }) }

// A Batch makes one message of several, for what takes many at once better than one at a
// time. The messages stay unsettled until the batch has settled, so nothing is stored.
type Batch struct {
	// The batch is closed when it has so many messages.
	Size eip.Live[int] `flow:"size"`
	// How long after its first message a batch is closed that is not full.
	Timeout eip.Live[time.Duration] `flow:"timeout"`
	// The batch is closed when the bodies of its messages have so many bytes.
	Bytes eip.Bytes `flow:"bytes"`
	// What the body is without an expression: a list in JSON, or the bodies, each on a line.
	Format BatchFormat `flow:"format"`
	// The batch's body: an expression of group.
	Body OfGroup `flow:"body"`

	env *eip.Env

	sending sync.Mutex // of one batch at a time, in order
	mu      sync.Mutex
	held    []held
	bytes   int64
	first   time.Time
	last    time.Time
	timer   eip.Timer // of the batch that there is

	stop     chan struct{}
	watching sync.WaitGroup

	batches, parts, alone atomic.Int64
	closedBy              [len(batchClosedBy)]atomic.Int64
}

// BatchFormat is what the body of a batch is.
type BatchFormat string

// Options returns what there is.
func (BatchFormat) Options() []string { return []string{"json", "lines"} }

var batchClosedBy = [...]ClosedBy{BySize, ByBytes, ByTimeout, ByEnd}

// held is a message that waits for its batch.
type held struct {
	*eip.Message
	release func(error)
	next    eip.Handler
	ctx     context.Context
}

// NewBatch returns a Batch of 100 messages or 1 MiB, which waits a second.
func NewBatch() *Batch {
	return &Batch{Size: eip.LiveOf(100), Timeout: eip.LiveOf(time.Second), Bytes: 1 << 20, Format: "json"}
}

// Validate checks the options.
func (b *Batch) Validate() error {
	switch {
	case b.Size.Load() < 1:
		return eip.OptionErrorf("size", "%d is no number of messages", b.Size.Load())
	case b.Timeout.Load() <= 0:
		return eip.OptionErrorf("timeout", "a batch that is not full would never be closed")
	case b.Bytes <= 0:
		return eip.OptionErrorf("bytes", "a batch must have some room")
	case b.Body.Of != nil && b.Format == "lines":
		return eip.OptionErrorf("format", "body says what the body is; leave one of them out")
	}
	return check("body", b.Body.reads, ofFold...)
}

// Holds is how many messages must be unsettled for a batch to be full, and how long they
// wait for that at most.
func (b *Batch) Holds() (messages int, wait time.Duration) { return b.Size.Load(), b.Timeout.Load() }

// Mixes says that many messages become one.
func (*Batch) Mixes() bool { return true }

// Gathers is how many messages become one.
func (b *Batch) Gathers() int { return b.Size.Load() }

// afterLast is how long a batch waits for one more message when the source has ended.
const afterLast = 100 * time.Millisecond

// Open begins to wait for the end of the source.
func (b *Batch) Open(_ context.Context, env *eip.Env) error {
	stop := make(chan struct{})
	b.env, b.stop = env, stop
	b.watching.Go(func() {
		select {
		case <-env.Ended:
			b.mu.Lock()
			defer b.mu.Unlock()
			if len(b.held) > 0 {
				b.arm()
			}
		case <-stop:
		}
	})
	return nil
}

// Close sends what is left.
func (b *Batch) Close(context.Context) error {
	if b.stop != nil {
		close(b.stop)
		b.stop = nil
	}
	b.watching.Wait()
	b.flush(ByEnd)
	return nil
}

// due is when the batch that there is goes, full or not, and why.
func (b *Batch) due() (time.Time, ClosedBy) {
	at := b.first.Add(b.Timeout.Load())
	if hasEnded(b.env.Ended) {
		if soon := b.last.Add(afterLast); soon.Before(at) {
			return soon, ByEnd
		}
	}
	return at, ByTimeout
}

// arm has the batch go when it is due.
func (b *Batch) arm() {
	if b.timer != nil {
		b.timer.Stop()
	}
	at, _ := b.due()
	b.timer = b.env.Clock.AfterFunc(max(b.env.Clock.Until(at), 0), func() { b.flush(ByTimeout) })
}

// Process has m wait for its batch. One whose batch has failed goes alone, so that it fails
// no others; and so does a test.
func (b *Batch) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if err := b.readable(m); err != nil {
		return err
	}
	h := held{m, m.Hold(), next, ctx}
	if m.Attempt() > 1 || m.IsTest() {
		b.sending.Lock()
		defer b.sending.Unlock()
		if !m.IsTest() {
			b.alone.Add(1)
		}
		b.send([]held{h}, b.env.Clock.Now(), BySize)
		return nil
	}
	for {
		added, why := b.add(h)
		if why != "" {
			b.flush(why)
		}
		if added {
			return nil
		}
	}
}

// readable reports what would spoil a whole batch.
func (b *Batch) readable(m *eip.Message) error {
	if b.Format == "lines" {
		_, err := line(m)
		return err
	}
	_, err := raw(m)
	return err
}

// add puts a message into the batch, where that is not full, and says what it is full of.
func (b *Batch) add(h held) (added bool, full ClosedBy) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropRevoked()
	if full = b.full(); full != "" {
		return false, full
	}
	b.last = b.env.Clock.Now()
	if len(b.held) == 0 {
		b.first = b.last
		b.arm()
	}
	b.held = append(b.held, h)
	b.bytes += int64(len(h.Body()))
	return true, b.full()
}

func (b *Batch) full() ClosedBy {
	switch {
	case len(b.held) >= b.Size.Load():
		return BySize
	case b.bytes >= int64(b.Bytes):
		return ByBytes
	}
	return ""
}

// dropRevoked lets go of what its source has taken back, and will give again.
func (b *Batch) dropRevoked() {
	kept := b.held[:0]
	for _, h := range b.held {
		if !h.Revoked() {
			kept = append(kept, h)
			continue
		}
		b.bytes -= int64(len(h.Body()))
		h.release(eip.ErrRevoked)
	}
	clear(b.held[len(kept):])
	if b.held = kept; len(kept) == 0 && b.timer != nil {
		b.timer.Stop()
	}
}

// flush sends what there is, for a reason that still holds.
func (b *Batch) flush(why ClosedBy) {
	b.sending.Lock()
	defer b.sending.Unlock()
	b.mu.Lock()
	b.dropRevoked()
	early := false // the timer of an earlier batch, or of a shorter time
	if why == ByTimeout {
		at, by := b.due()
		early, why = b.env.Clock.Until(at) > 0, by
	}
	if len(b.held) == 0 || (why == BySize || why == ByBytes) && b.full() == "" || early {
		if early && len(b.held) > 0 {
			b.arm()
		}
		b.mu.Unlock()
		return
	}
	all, first := b.held, b.first
	b.held, b.bytes = nil, 0
	b.timer.Stop()
	b.mu.Unlock()
	b.send(all, first, why)
}

// Stats returns how many batches there were and what closed them. alone counts messages
// that went as a batch of their own, as an earlier one of theirs had failed.
func (b *Batch) Stats() stats.Own {
	own := stats.Own{Counts: map[string]int64{"batches": b.batches.Load(), "parts": b.parts.Load(), "alone": b.alone.Load(), "waiting": 0},
		Gauges: []string{"waiting"}, Branches: map[string]int64{}}
	for i, why := range batchClosedBy {
		if n := b.closedBy[i].Load(); n > 0 {
			own.Branches[string(why)] = n
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	own.Counts["waiting"] = int64(len(b.held))
	return own
}
