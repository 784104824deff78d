package embedded

import (
	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/early"
	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/store"
)

// An append and the removal of the message that it was made of are one transaction, where
// nobody but appends holds that message any more. The call that has made the append holds
// it, until it returns. So the append of a message that something of this store would be
// settled of is parked until then, and takes its place in the queue then: whoever calls next
// comes later. Nobody waits for a call by the clock, and a call that never returns holds up
// nothing but its own message, which stays where it came from.
//
// It is not parked longer than until the call goes on to another stage, forks the message or
// has somebody else hold it, as a sender to another broker does until that has confirmed:
// there it may take long, or wait for what becomes of the append. It is then written alone,
// as where the call fails and the message is to be tried again. If the process is killed
// before the message settles, it comes again, and the append is doubled.

// park leaves an append to the return of its call; false: it is to be put down at once.
func (s *fileStore) park(p *pending) bool {
	if !s.joins(p.Message) {
		return false
	}
	size := int64(p.size())
	if s.parkedBytes.Add(size) <= maxPendingBytes && settle.Park(p.Message, p) {
		return true
	}
	s.parkedBytes.Add(-size)
	settle.Unpark(p.Message) // what the call has parked before comes before it
	return false
}

// Unpark puts down an append that was parked.
func (p *pending) Unpark() {
	p.store.parkedBytes.Add(-int64(p.size()))
	if err := p.store.enqueue(p); err != nil {
		p.free()
		p.Finish(err)
	}
}

// joins reports whether something of a message's origin, or what stages keep of it, would be
// part of the transaction that appends it.
func (s *fileStore) joins(m *eip.Message) bool {
	if steps, ours := store.Kept(m, s.state); len(steps) > 0 || !ours {
		return ours
	}
	switch e := settle.Settler(m).(type) {
	case *local.Entry:
		l, ok := e.Log().(*fileLog)
		return ok && l.s == s
	case early.Settler:
		return true
	}
	return false
}

// countHolds counts how often the appends hold each message.
func (b *batch) countHolds() {
	clear(b.holds)
	for _, p := range b.appends {
		if m := settle.Identity(p.Message); m != nil {
			b.holds[m]++
		}
	}
}

// join finds the messages that are settled by nothing but the appends of this
// batch. What stages keep of such a message becomes part of the transaction. Where it comes
// from a queue of this store, its removal does too; where it comes from an adapter whose
// position is kept here, the position does. After a crash it is then either where it was
// or where it was going, and never in both.
func (s *fileStore) join(b *batch, tx *bbolt.Tx) {
	b.countHolds()
	for _, p := range b.appends {
		m := settle.Identity(p.Message)
		holds := b.holds[m]
		if holds == 0 || !settle.Certain(p.Message, holds) {
			continue
		}
		delete(b.holds, m)
		steps, ours := store.Kept(p.Message, s.state)
		if !ours { // which must be on disk elsewhere before the message goes from here
			continue
		}
		if len(steps) > 0 {
			if _, err := b.makeAll(tx, steps); err != nil {
				continue // it is made again, and fails, when the message settles
			}
			b.kept = append(b.kept, p.Message)
		}
		b.settle(s, settle.Settler(p.Message))
	}
	s.takeKeeps(b)
}
