package local

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// ages tell how long messages have waited, without a clock on each one's way: about
// once a second the number of the message that arrives is noted. Of a queue that is
// deep for long the marks are thinned out, so that they are as exact as they are new.
type ages struct {
	marks []mark // the oldest first
	fresh bool   // the last one is about now
	every time.Duration
	stale eip.Timer
}

// mark is when a message arrived.
type mark struct {
	seq uint64
	at  time.Time
}

const (
	markEvery = time.Second
	maxMarks  = 64
)

// note notes when a message arrives. The lock is held.
func (q *Queue) note(seq uint64) {
	if !q.fresh || q.every != markEvery {
		q.remember(seq)
	}
}

func (q *Queue) remember(seq uint64) {
	a := &q.ages
	first, _ := q.oldest()
	if a.fresh && first != seq {
		return
	}
	a.marks = slices.Delete(a.marks, 0, max(a.before(first), 0))
	switch {
	case len(a.marks) == maxMarks:
		for i := range maxMarks / 2 {
			a.marks[i] = a.marks[2*i]
		}
		a.marks = a.marks[:maxMarks/2]
		a.every *= 2
	case len(a.marks) <= 1:
		a.every = markEvery
	}
	a.marks, a.fresh = append(a.marks, mark{seq, q.b.clock.Now()}), true
	if a.stale == nil {
		a.stale = q.b.clock.AfterFunc(a.every, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			a.fresh = false
		})
		return
	}
	a.stale.Reset(a.every)
}

// before returns the last mark that is not after a message; -1 where there is none.
func (a *ages) before(seq uint64) int {
	i, is := slices.BinarySearchFunc(a.marks, seq, func(m mark, seq uint64) int { return cmp.Compare(m.seq, seq) })
	if is {
		return i
	}
	return i - 1
}

func (q *Queue) stopAges() {
	if q.ages.stale != nil {
		q.ages.stale.Stop()
	}
}

// oldest is the number of the message that comes next; false where none has arrived.
func (q *Queue) oldest() (seq uint64, ok bool) {
	if e := q.head(); e != nil {
		return e.Seq, true
	}
	return q.readFrom, q.spilled
}

func (q *Queue) depth() broker.Depth {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := broker.Depth{Messages: q.length}
	if seq, ok := q.oldest(); ok {
		// One that was given back may have come before all marks.
		d.Oldest = q.b.clock.Since(q.ages.marks[max(q.ages.before(seq), 0)].at)
	}
	return d
}

// Depths says how much waits.
func (b *Broker) Depths(_ context.Context, of []broker.Item) map[int]broker.Depth {
	found := map[int]broker.Depth{}
	for i, item := range of {
		if q := b.queueOf(item); q != nil {
			found[i] = q.depth()
		}
	}
	return found
}

func (b *Broker) queueOf(i broker.Item) *Queue {
	b.mu.RLock()
	defer b.mu.RUnlock()
	t := b.topics[i.Channel.Address]
	switch {
	case i.Channel.Kind == broker.Queue:
		return b.queues[i.Channel.Address]
	case t != nil && i.Subscription != nil:
		return t.byName[i.Subscription.Name]
	}
	return nil
}
