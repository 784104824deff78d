package routing

import (
	"context"
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
}

type waiter struct {
	*part
	release func(error)
	cancel  func() bool
}

// lookAgain is after how long those who wait look whether there is room.
const lookAgain = 100 * time.Millisecond

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
	return slices.ContainsFunc(w.all, func(o *waiter) bool { return o.group == p.group })
}

func (w *waiters) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(w.all))
}

// add has a part wait, until there is room or the flow gives up.
func (w *waiters) add(ctx context.Context, a *Aggregator, p *part) {
	one := &waiter{part: p, release: p.message.Hold()}
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
		a.env.Log.Warn("as many groups are open as may be; parts of others wait")
		w.timer = a.env.Clock.AfterFunc(lookAgain, func() { w.look(a) })
	}
}

// look lets those go on for whom there is room, and those behind them.
func (w *waiters) look(a *Aggregator) {
	groups := 0
	_ = a.space.View(func(r store.Reader) error { groups = groupsOf(r); return nil })
	var free []*waiter
	w.mu.Lock()
	if w.timer == nil {
		w.mu.Unlock()
		return
	}
	opened := map[string]bool{}
	w.all = slices.DeleteFunc(w.all, func(o *waiter) bool {
		if !opened[o.group] && groups+len(opened) >= a.MaxGroups.Load() {
			return false
		}
		opened[o.group] = true
		free = append(free, o)
		return true
	})
	if w.timer = nil; len(w.all) > 0 {
		w.timer = a.env.Clock.AfterFunc(lookAgain, func() { w.look(a) })
	}
	w.mu.Unlock()
	for _, o := range free {
		o.cancel()
		store.Keep(o.message, a.space, o.join)
		o.release(nil)
	}
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
