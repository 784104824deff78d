package manage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
)

// copier takes a tap's copies from the flow without ever waiting, and hands them
// on from a goroutine of its own. What bounds it is unsettled: a target that
// takes copies and does not settle them is as slow as one that does not take them.
type copier struct {
	body   *eip.Pipe
	counts *tapCounts
	log    *slog.Logger
	limit  int64

	queue     chan *eip.Message // has room for limit
	unsettled atomic.Int64      // in the queue or under way
	bytes     atomic.Int64      // of the large ones
	full      atomic.Bool       // the last copy was dropped
	rarely    rarely.Log
	closed    atomic.Bool
	settle    func(error)

	ctx       context.Context // of the copies under way
	cancel    context.CancelFunc
	stopped   chan struct{}
	mu        sync.Mutex
	abandoned bool          // close has counted what was left
	empty     chan struct{} // told when nothing is unsettled, once closed
}

// maxCopies is how many bytes of copies there are at most, but for a single one.
const maxCopies = 16 << 20

type tapCounts struct{ copied, dropped, failed atomic.Int64 }

func (c *tapCounts) all() map[string]int64 {
	return map[string]int64{"copied": c.copied.Load(), "dropped": c.dropped.Load(), "failed": c.failed.Load()}
}

func newCopier(w *WireTap, env *eip.Env) *copier {
	c := &copier{body: &w.Body, counts: &w.counts, log: env.Log.With("stage", env.Address), limit: int64(w.Buffer),
		queue: make(chan *eip.Message, w.Buffer), stopped: make(chan struct{}), empty: make(chan struct{}, 1)}
	c.settle = func(err error) { c.settled(0, err) }
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.run()
	return c
}

// put takes m, or drops it. It never waits: there is room in the queue for
// whatever is within the limit.
func (c *copier) put(m *eip.Message) {
	if c.unsettled.Load() >= c.limit || c.closed.Load() {
		c.drop()
		return
	}
	size := c.sizeOf(m)
	if n := c.bytes.Add(size); c.unsettled.Add(1) > c.limit || n > maxCopies && n > size {
		c.bytes.Add(-size)
		c.unsettled.Add(-1)
		c.drop()
		return
	}
	c.full.Store(false)
	m.Copied(1)
	c.queue <- m
}

// sizeOf is 0 for a message of which the limit in number is enough.
func (c *copier) sizeOf(m *eip.Message) int64 {
	if size := m.Size(); size > maxCopies/c.limit {
		return size
	}
	return 0
}

func (c *copier) drop() {
	c.counts.dropped.Add(1)
	if c.full.CompareAndSwap(false, true) {
		c.rarely.Warn(c.log, "wire tap drops copies: its target is slow or down", slog.Int64("buffer", c.limit))
	}
}

// busy reports whether copies wait or are under way; never of a tap that is closed.
func (c *copier) busy() bool { return c != nil && c.unsettled.Load() > 0 }

func (c *copier) run() {
	defer close(c.stopped)
	for c.ctx.Err() == nil {
		select {
		case m := <-c.queue:
			settle := c.settle
			if size := c.sizeOf(m); size > 0 {
				settle = func(err error) { c.settled(size, err) }
			}
			eip.Deliver(c.ctx, c, m.Fork(settle))
		case <-c.ctx.Done():
		}
	}
}

// Handle passes a copy through the tap's body.
func (c *copier) Handle(ctx context.Context, m *eip.Message) error {
	return c.body.Process(ctx, m, eip.Discard)
}

func (c *copier) settled(size int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abandoned {
		return
	}
	if err != nil {
		c.failed(err)
	} else {
		c.counts.copied.Add(1)
	}
	c.bytes.Add(-size)
	if c.unsettled.Add(-1) == 0 && c.closed.Load() {
		select {
		case c.empty <- struct{}{}:
		default:
		}
	}
}

func (c *copier) failed(err error) {
	c.counts.failed.Add(1)
	c.rarely.Warn(c.log, "wire tap lost a copy", slog.Any("error", err))
}

// close waits until all copies have settled, or ctx ends; then it drops the rest.
func (c *copier) close(ctx context.Context) {
	if c == nil {
		return
	}
	c.closed.Store(true)
	for c.unsettled.Load() > 0 && ctx.Err() == nil {
		select {
		case <-c.empty:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel() // what ends by it is dropped, and has not failed
	left := c.unsettled.Swap(0)
	if left == 0 {
		<-c.stopped // at once: it waits for copies, and there are none
		return
	}
	c.abandoned = true
	c.counts.dropped.Add(left)
	c.log.Warn("wire tap dropped the copies that were left when it was closed", slog.Int64("copies", left))
}
