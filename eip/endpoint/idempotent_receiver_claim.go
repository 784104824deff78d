package endpoint

import (
	"context"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/settle"
)

// A claim is a key whose message is under way, from when it came until it has settled for
// good. Others of that key wait meanwhile, unsettled: the flow's window bounds them.
type claim struct {
	key     string
	owner   any // the identity of the message
	attempt int // in which it came last
	waiting []*waiter
}

type waiter struct {
	ctx     context.Context
	message *eip.Message
	next    eip.Handler
	release func(error)
}

// How a message comes upon the claim of its key.
type claiming int

const (
	begins  claiming = iota // it has made it
	retries                 // it has it since an earlier attempt
	again                   // it has it, and has come twice in this attempt
	waits                   // another one has it
)

func (r *IdempotentReceiver) claim(w *waiter, key string) (*claim, claiming) {
	m := w.message
	me, attempt := settle.Identity(m), m.Attempt()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.claims[key]
	switch {
	case c == nil:
		c = &claim{key: key, owner: me, attempt: attempt}
		r.claims[key] = c
		return c, begins
	case c.owner == me && c.attempt == attempt:
		return c, again
	case c.owner == me:
		c.attempt = attempt
		return c, retries
	}
	m.CountAt(r, &r.waited)
	m.Drop() // unless it takes the other one's place
	w.release = m.Hold()
	c.waiting = append(c.waiting, w)
	return c, waits
}

// hold has the claim end with m.
func (r *IdempotentReceiver) hold(c *claim, m *eip.Message) {
	settle.Ended(m, func(e settle.End) { r.end(c, e == settle.Done) })
}

// end is about a claim whose message has settled. Where it is done, those that wait are
// its duplicates; else the first of them takes its place.
func (r *IdempotentReceiver) end(c *claim, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := c.waiting
	c.waiting = nil
	if done || len(waiting) == 0 || r.closed {
		delete(r.claims, c.key)
		r.aside(func() { r.letGo(waiting, done) }, len(waiting))
		return
	}
	heir := waiting[0]
	c.waiting = waiting[1:]
	c.owner, c.attempt = settle.Identity(heir.message), heir.message.Attempt()
	r.aside(func() { settle.Resume(heir.message, heir.release, func() error { return r.inherit(c, heir) }) }, 1)
}

// aside does something to so many messages beside what is going on. The lock is held.
func (r *IdempotentReceiver) aside(do func(), messages int) {
	switch {
	case messages == 0:
	case r.closed:
		go do()
	default:
		r.working.Go(do)
	}
}

// inherit passes on a message in the place of another one of its key, which has failed.
func (r *IdempotentReceiver) inherit(c *claim, w *waiter) error {
	err := w.ctx.Err()
	if w.message.Revoked() {
		err = eip.ErrRevoked
	}
	if err != nil {
		r.end(c, false)
		return err
	}
	return r.begin(w.ctx, c, w.message, w.next)
}

// letGo ends what waits: as duplicates, or because nobody waits for it any more.
func (r *IdempotentReceiver) letGo(waiting []*waiter, done bool) {
	for _, w := range waiting {
		switch {
		case !done:
			w.release(eip.ErrNotRunning)
		case r.duplicates == nil:
			w.message.CountAt(r, &r.doubled)
			w.release(nil)
		default:
			w.message.CountAt(r, &r.doubled)
			settle.Resume(w.message, w.release, func() error { return r.duplicates.Handle(w.ctx, w.message) })
		}
	}
}
