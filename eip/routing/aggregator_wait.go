package routing

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

// waiters are parts that would open a group too many. Each is held until there is room.
type waiters struct {
	mu    sync.Mutex
	all   []*waiter
	timer eip.Timer // nil: nobody waits
	came  int       // parts, since somebody waits
	quiet int       // looks since the last of these
}

type waiter struct {
	*part
	ctx     context.Context
	release func(error)
	cancel  func() bool
}

// lookAgain is after how long those who wait look whether there is room. After mostQuiet
// looks without a part, once the source has ended, nothing will make room any more.
const (
	lookAgain = 100 * time.Millisecond
	mostQuiet = 10
)

// mustWait reports whether a part would open a group too many, or is behind one that waits.
func (a *Aggregator) mustWait(p *part) bool {
	if a.Full != "wait" {
		return false
	}
	if a.waiters.behind(p) {
		return true
	}
	if a.latest.Load() < int64(a.MaxGroups.Load()) {
		return false // which is cheaper to know
	}
	full := false
	_ = a.space.View(func(r store.Reader) error {
		if full = groupsOf(r) >= a.MaxGroups.Load(); full {
			there, _ := r.Get(groupKey + p.group)
			full = there == nil
		}
		return nil
	})
	return full
}

func (w *waiters) behind(p *part) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.came++
	return slices.ContainsFunc(w.all, func(o *waiter) bool { return o.group == p.group })
}

func (w *waiters) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(w.all))
}

// add has a part wait, until there is room or the flow gives up.
func (w *waiters) add(ctx context.Context, a *Aggregator, p *part) {
	one := &waiter{part: p, ctx: ctx, release: p.message.Hold()}
	w.mu.Lock()
	defer w.mu.Unlock()
	one.cancel = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		i := slices.Index(w.all, one)
		if i >= 0 {
			w.all = slices.Delete(w.all, i, i+1)
		}
		w.mu.Unlock()
		if i >= 0 {
			one.release(ctx.Err())
		}
	})
	if w.all = append(w.all, one); w.timer == nil {
		w.quiet = 0
		a.env.Log.Warn("as many groups are open as may be; parts of others wait")
		w.timer = a.env.Clock.AfterFunc(lookAgain, func() { w.look(a) })
	}
}

// look lets those go on for whom there is room, and those whose group has been opened
// meanwhile.
func (w *waiters) look(a *Aggregator) {
	if hasEnded(a.env.Stopping) {
		w.stop()
		return
	}
	isOpen := map[string]bool{}
	groups := 0
	var free []*waiter
	w.mu.Lock()
	if w.timer == nil {
		w.mu.Unlock()
		return
	}
	_ = a.space.View(func(r store.Reader) error {
		groups = groupsOf(r)
		for _, o := range w.all {
			there, _ := r.Get(groupKey + o.group)
			isOpen[o.group] = there != nil
		}
		return nil
	})
	w.all = slices.DeleteFunc(w.all, func(o *waiter) bool {
		if !isOpen[o.group] {
			if groups >= a.MaxGroups.Load() {
				return false
			}
			isOpen[o.group] = true
			groups++
		}
		free = append(free, o)
		return true
	})
	if w.quiet++; w.came > 0 || len(free) > 0 {
		w.came, w.quiet = 0, 0
	}
	stuck := w.quiet >= mostQuiet && hasEnded(a.env.Ended)
	if w.timer = nil; len(w.all) > 0 {
		w.timer = a.env.Clock.AfterFunc(lookAgain, func() { w.look(a) })
	}
	w.mu.Unlock()
	for _, o := range free {
		o.cancel()
		a.outbox.Keep(o.ctx, o.message, o.join)
		o.release(nil)
	}
	if stuck {
		a.closeForWaiters()
	}
}

func hasEnded(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// closeForWaiters closes the oldest groups, which nothing else will close: who waits for
// that holds up the end of the flow.
func (a *Aggregator) closeForWaiters() {
	a.space.Store().Commit(nil, []store.Step{{Space: a.space, Change: func(tx store.Tx) error {
		_, err := a.closeSome(tx, ByEnd)
		return err
	}}}, func(_ int, err error) {
		if err != nil {
			a.env.Log.Error("groups cannot be closed, will try again", slog.Any("error", err))
		}
	})
}

// stop lets go of those who still wait.
func (w *waiters) stop() {
	w.mu.Lock()
	all := w.all
	if w.all = nil; w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.mu.Unlock()
	for _, o := range all {
		o.cancel()
		o.release(eip.ErrNotRunning)
	}
}
