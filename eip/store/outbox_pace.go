package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
)

// What may be due and not under way until what comes must wait, in messages and steps, and in
// bytes. With what a flow has in its window by then, it bounds what a store holds that is to
// be sent when what follows is slower than what comes.
const (
	mostDue      = 1000
	mostDueBytes = 64 << 20
)

func isMuch(n, bytes int) bool { return n > mostDue || bytes > mostDueBytes }

// backlog is what is due and not under way, as far as it is known: what there was at the last
// look, as much as is too much, and what steps have put since. A step that fails counts too,
// until the next look.
type backlog struct {
	due, dueBytes atomic.Int64
	put, putBytes atomic.Int64

	pacing  sync.Mutex
	waiting []*paced // the first is there until it has been let go
	slow    rarely.Log
}

// paced is a message that is held until less is due.
type paced struct {
	message *eip.Message
	release func(error)
	cancel  func() bool
}

func (b *backlog) more(bytes int) {
	b.put.Add(1)
	b.putBytes.Add(int64(bytes))
}

func (b *backlog) looks() {
	b.put.Store(0)
	b.putBytes.Store(0)
}

func (b *backlog) looked(n, bytes int) {
	b.due.Store(int64(n))
	b.dueBytes.Store(int64(bytes))
}

func (b *backlog) isMuch() bool {
	return isMuch(int(b.due.Load()+b.put.Load()), int(b.dueBytes.Load()+b.putBytes.Load()))
}

// Held is how many messages wait because too much is to be sent.
func (b *backlog) Held() int {
	b.pacing.Lock()
	defer b.pacing.Unlock()
	return len(b.waiting)
}

// Keep is [Keep] of a change that may Put. While more is due than is sent, m is held, so that
// what comes is no faster than what goes. What was put is held by nothing here, nor are steps
// of what is due.
func (o *Outbox) Keep(ctx context.Context, m *eip.Message, change func(Tx) error) {
	Keep(m, o.space, change)
	o.pacing.Lock()
	defer o.pacing.Unlock()
	if len(o.waiting) == 0 && !o.isMuch() {
		return
	}
	p := &paced{message: m, release: m.Hold()}
	p.cancel = context.AfterFunc(ctx, func() { o.part(p, ctx.Err()) })
	if o.waiting = append(o.waiting, p); len(o.waiting) == 1 {
		o.slow.Warn(o.env.Log, "more is to be sent than what follows takes; what comes waits")
		o.Poke() // steps that failed are counted
	} else if o.isStopping() {
		o.Poke()
	}
}

// part ends the wait of p. It leaves its place when it has gone on: those behind it do not
// overtake it.
func (o *Outbox) part(p *paced, err error) {
	if p.message.Revoked() {
		err = eip.ErrRevoked
	}
	p.release(err)
	o.pacing.Lock()
	defer o.pacing.Unlock()
	if i := slices.Index(o.waiting, p); i >= 0 {
		o.waiting = slices.Delete(o.waiting, i, i+1)
	}
}

func (o *Outbox) isStopping() bool {
	select {
	case <-o.env.Stopping:
		return true
	default:
		return false
	}
}

// goOn lets those go on who wait, where little is due, and gives them back where the flow
// stops.
func (o *Outbox) goOn() {
	switch {
	case o.isStopping():
		o.letGo(eip.ErrNotRunning)
	case !isMuch(int(o.due.Load()), int(o.dueBytes.Load())):
		o.letGo(nil)
	}
}

// letGo ends the wait of those who wait by now.
func (o *Outbox) letGo(err error) {
	o.pacing.Lock()
	all := slices.Clone(o.waiting)
	o.pacing.Unlock()
	for _, p := range all {
		p.cancel()
		o.part(p, err)
	}
	if len(all) > 0 && o.Held() > 0 {
		o.Poke()
	}
}
