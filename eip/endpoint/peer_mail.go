package endpoint

import (
	"slices"
	"sync"

	"github.com/eipd/eipd/eip"
)

const (
	mostKept      = 1000     // replies that nobody has received, or that one Collect gathers
	mostKeptBytes = 16 << 20 // and how much memory they take
)

// mail gives each reply that comes to who waits for it, or keeps it. It is safe for
// concurrent use.
type mail struct {
	ids *identifiers

	mu        sync.Mutex
	closed    error // no reply comes any more
	asked     map[uint64]*question
	receivers []*receiver    // who wait in Receive, the longest first
	kept      []*eip.Message // that nobody has received, the oldest first
	bytes     int64          // of these
	over      recent         // questions that ended without a reply
	answered  recent         // what was sent, and has its reply
	counts    map[string]int64
}

func newMail() *mail {
	return &mail{ids: newIdentifiers(), asked: map[uint64]*question{},
		counts: map[string]int64{"late": 0, "doubled": 0, "unasked": 0, "dropped": 0, "gone": 0, "failed": 0}}
}

// question is a request whose replies somebody waits for.
type question struct {
	number uint64
	id     string
	done   chan struct{} // closed when there are all, or there will be none

	most    int            // replies
	replies []*eip.Message // read after done
	bytes   int64
	err     error
}

// ask begins to wait for replies, of which it takes most.
func (b *mail) ask(by asking, most int) (*question, error) {
	q := &question{most: most, done: make(chan struct{})}
	q.number, q.id = b.ids.next(by)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return nil, b.closed
	}
	b.asked[q.number] = q
	return q, nil
}

// over ends a question with err, where it has not ended.
func (b *mail) end(q *question, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(q, err)
}

// fail ends a question that goes by this identifier.
func (b *mail) fail(id string, err error) {
	n, _, _ := b.ids.read(id)
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.asked[n]; q != nil {
		b.finish(q, err)
	}
}

// finish ends a question. The lock is held.
func (b *mail) finish(q *question, err error) {
	if b.asked[q.number] != q {
		return
	}
	delete(b.asked, q.number)
	if len(q.replies) < q.most {
		b.over.add(q.number)
	}
	q.err = err
	close(q.done)
}

// lose ends all questions. Where it is for good nobody can ask any more, and what is
// kept can still be received.
func (b *mail) lose(err error, forGood bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if forGood && b.closed == nil {
		b.closed = err
		for _, r := range b.receivers {
			r.got <- nil
		}
		b.receivers = nil
	}
	for _, q := range b.asked {
		b.finish(q, err)
	}
}

func (b *mail) count(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[what]++
}

// heard takes a reply.
func (b *mail) heard(m *eip.Message) {
	n, by, ours := b.ids.read(m.CorrelationID)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch q := b.asked[n]; {
	case !ours:
		b.counts["unasked"]++
	case q != nil:
		q.replies = append(q.replies, m)
		if q.bytes += m.Size(); len(q.replies) >= q.most || q.bytes >= mostKeptBytes {
			b.finish(q, nil)
		}
	case by == byCollect:
		b.counts["late"]++
	case b.over.take(n):
		b.counts["late"]++
	case by == bySend && !b.answered.has(n):
		b.answered.add(n)
		b.give(m)
	default:
		b.counts["doubled"]++
	}
}

// A receiver waits in Receive.
type receiver struct {
	of  []ID
	got chan *eip.Message // nil: none will come
}

func (r *receiver) wants(m *eip.Message) bool {
	return len(r.of) == 0 || slices.Contains(r.of, ID(m.CorrelationID))
}

// give hands m to who waits for just that, to who has waited longest for any, or keeps
// it. The lock is held.
func (b *mail) give(m *eip.Message) {
	to := slices.IndexFunc(b.receivers, func(r *receiver) bool { return len(r.of) > 0 && r.wants(m) })
	if to < 0 {
		to = slices.IndexFunc(b.receivers, func(r *receiver) bool { return len(r.of) == 0 })
	}
	if to >= 0 {
		b.receivers[to].got <- m
		b.receivers = slices.Delete(b.receivers, to, to+1)
		return
	}
	b.kept = append(b.kept, m)
	b.bytes += m.Size()
	for len(b.kept) > mostKept || b.bytes > mostKeptBytes && len(b.kept) > 1 {
		b.unkeep(0)
		b.counts["dropped"]++
	}
}

func (b *mail) unkeep(i int) *eip.Message {
	m := b.kept[i]
	b.kept = slices.Delete(b.kept, i, i+1)
	b.bytes -= m.Size()
	return m
}

// receive returns a reply that was kept, or who waits for one.
func (b *mail) receive(of []ID) (*eip.Message, *receiver, error) {
	r := &receiver{of: of, got: make(chan *eip.Message, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.kept, r.wants); i >= 0 {
		return b.unkeep(i), nil, nil
	}
	if b.closed != nil {
		return nil, nil, b.closed
	}
	b.receivers = append(b.receivers, r)
	return nil, r, nil
}

// leave ends a wait. It reports false where a reply was given meanwhile.
func (b *mail) leave(r *receiver) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.receivers, r)
	if i >= 0 {
		b.receivers = slices.Delete(b.receivers, i, i+1)
	}
	return i >= 0
}

// why is why no reply comes any more.
func (b *mail) why() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}
