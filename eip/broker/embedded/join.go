package embedded

import (
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/early"
	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/store"
)

// How often, and how long, an append is put off at least until its sender lets go of the
// message. A busy machine may not let the sender go on for a while.
const (
	mostPutOff    = 4
	longestPutOff = 3 * time.Millisecond
)

// putOff leaves to the next transaction the appends from the first on whose sender still
// has the message in hand, if what the message comes from is of this store: with its
// append its removal would not be committed, and a crash between would double it.
func (s *fileStore) putOff(b *batch) {
	b.countHolds()
	for i, p := range b.appends {
		holds := b.holds[settle.Identity(p.Message)]
		if holds == 0 || p.put >= mostPutOff && time.Since(p.since) > longestPutOff || settle.Others(p.Message, holds) != 1 || !s.joins(p.Message) {
			continue
		}
		if p.put++; p.put == 1 {
			p.since = time.Now()
		}
		s.putBack(b, i)
		if b.isEmpty() {
			time.Sleep(putOffWait)
		}
		return
	}
}

// putOffWait is how long a sender has to let go of its message.
const putOffWait = 20 * time.Microsecond

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
