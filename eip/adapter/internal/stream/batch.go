package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

// A Target is what a Writer writes to. Its functions are called by one
// goroutine, but for AppendTo.
type Target struct {
	Name string // for errors
	// AppendTo appends what is to be written of m; its error is the message's.
	AppendTo func(dst []byte, m *eip.Message) ([]byte, error)
	// Write writes p at once, and returns how much of it was written.
	Write func(p []byte) (int, error)
	// Flush makes sure of what was written; nil where there is nothing to do.
	Flush func() error
	Close func() error
}

// A Writer is a sink that writes messages in order, as many at once as came
// while it was writing, and settles them when they are written.
type Writer struct {
	target  Target
	traffic *stats.Traffic // nil: nobody counts

	mu      sync.Mutex
	pending batch
	changed chan struct{} // closed when there is room again
	closed  bool

	wake     chan struct{}
	finished chan struct{}
	failed   error // of close
}

// A batch is messages that are written at once.
type batch struct {
	bytes []byte
	ends  []int // of each message in bytes
	holds []func(error)
}

const (
	maxBatch    = 1 << 20 // bytes that wait at most, but for one message
	maxMessages = 4096
	// closeTimeout is how long Close waits for a write that hangs.
	closeTimeout = 5 * time.Second
)

// NewWriter makes a Writer, which must be closed.
func NewWriter(t Target) *Writer {
	w := &Writer{target: t, changed: make(chan struct{}), wake: make(chan struct{}, 1), finished: make(chan struct{})}
	go w.run()
	return w
}

// ConfirmTo has t told of what is written.
func (w *Writer) ConfirmTo(t *stats.Traffic) { w.traffic = t }

// Handle keeps what is to be written of m, and waits only for room.
func (w *Writer) Handle(ctx context.Context, m *eip.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending.bytes) >= maxBatch || len(w.pending.ends) >= maxMessages {
		if err := w.awaitRoom(ctx); err != nil {
			return err
		}
	}
	if w.closed {
		return fmt.Errorf("write %s: %w", w.target.Name, eip.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &w.pending
	bytes, err := w.target.AppendTo(p.bytes, m)
	if err != nil {
		return fmt.Errorf("write %s: %w", w.target.Name, err)
	}
	p.bytes = bytes
	p.ends = append(p.ends, len(p.bytes))
	p.holds = append(p.holds, m.HoldFor(w.traffic))
	if len(p.ends) == 1 {
		w.wake <- struct{}{} // it has room: the batch before was taken with its wake
	}
	return nil
}

func (w *Writer) awaitRoom(ctx context.Context) error {
	changed := w.changed
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes batches until the writer is closed. Two of them take turns, so that
// one fills while the other is written.
func (w *Writer) run() {
	defer close(w.finished)
	var b batch
	for range w.wake {
		w.mu.Lock()
		b, w.pending = w.pending, b.emptied()
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
		w.writeOut(&b)
	}
	w.failed = w.target.Close()
}

func (b *batch) emptied() batch {
	clear(b.holds)
	if cap(b.bytes) > 2*maxBatch { // one large message is not kept for ever
		b.bytes = nil
	}
	return batch{b.bytes[:0], b.ends[:0], b.holds[:0]}
}

// writeOut settles each message as far as it was written.
func (w *Writer) writeOut(b *batch) {
	n, err := w.target.Write(b.bytes)
	if err == nil && n < len(b.bytes) {
		err = errors.New("it was not written to its end")
	}
	var flushed error
	if n > 0 && w.target.Flush != nil {
		flushed = w.target.Flush()
	}
	for i, release := range b.holds {
		failure := flushed
		if b.ends[i] > n {
			failure = err
		}
		if failure != nil {
			failure = fmt.Errorf("write %s: %w", w.target.Name, failure)
		}
		release(failure)
	}
}

// Close writes what it was given, and gives up on a write that hangs.
func (w *Writer) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	t := time.NewTimer(closeTimeout)
	defer t.Stop()
	select {
	case <-w.finished:
		return w.failed
	case <-t.C:
		return fmt.Errorf("close %s: what was written last hangs", w.target.Name)
	}
}
