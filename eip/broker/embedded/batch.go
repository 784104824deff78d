package embedded

import (
	"maps"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/settle"
)

// batch is what one transaction does.
type batch struct {
	tasks   []task
	deletes []deletion
	keeps   map[string][]byte
	appends []*pending
	commits []*commitment

	joined []*local.Entry // settled by the transaction, and deleted with it
	kept   []*eip.Message // sent by the appends, whose steps are made with them
	woken  map[*space]bool
	holds  map[any]int // by what the messages of the appends are, see settle.Identity
	marks  []mark
	failed []error // of tasks
}

// mark is how far a transaction appends to a log, and raises its mark.
type mark struct {
	log         *fileLog
	seq, raised uint64
}

// A transaction appends so many messages at most as its predecessor took
// milliseconds, times pace: as many as the store is made for, and no more, as the
// removals wait for it. Transactions on a slow disk are large.
const (
	maxCommits     = 1024
	pace           = 128
	leastAppends   = 64
	mostAppends    = 1024
	maxAppendBytes = 4 << 20
)

// adapt sets the size of the next transaction by how long one took.
func (s *fileStore) adapt(took time.Duration) {
	s.limit = int(min(max(pace*took/time.Millisecond, leastAppends), mostAppends))
}

// next takes what there is to do, with or without appends; false where there is
// nothing.
func (s *fileStore) next(b *batch, appends bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.tasks = append(b.tasks, s.tasks...)
	b.deletes = append(b.deletes, s.deletes...)
	clear(s.tasks)
	s.tasks, s.deletes = s.tasks[:0], s.deletes[:0]
	s.settled.Store(0)
	if s.caught != nil {
		close(s.caught)
		s.caught = nil
	}
	s.mergeKeeps(b)
	if n := min(len(s.commits), maxCommits-len(b.commits)); appends && n > 0 {
		b.commits = append(b.commits, s.commits[:n]...)
		s.commits = slices.Delete(s.commits, 0, n)
	}
	size, n := 0, 0
	for appends && n < len(s.appends) && (len(b.appends)+n < s.limit && size < maxAppendBytes || n > 0 && areOne(s.appends[n-1], s.appends[n])) {
		size += s.appends[n].size()
		n++
	}
	b.appends = append(b.appends, s.appends[:n]...)
	left := copy(s.appends, s.appends[n:])
	clear(s.appends[left:])
	s.appends = s.appends[:left]
	s.bytes -= size
	if n > 0 && s.vacated != nil {
		close(s.vacated)
		s.vacated = nil
	}
	s.writing = !appends || !b.isEmpty()
	return s.writing
}

// areOne reports whether two appends settle one message.
func areOne(p, next *pending) bool {
	id := settle.Identity(p.Message)
	return id != nil && id == settle.Identity(next.Message)
}

func (b *batch) isEmpty() bool {
	return len(b.tasks)+len(b.deletes)+len(b.keeps)+len(b.appends)+len(b.commits) == 0
}

// takeKeeps takes the positions that are to be kept.
func (s *fileStore) takeKeeps(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mergeKeeps(b)
}

func (s *fileStore) mergeKeeps(b *batch) {
	if b.keeps == nil {
		b.keeps = s.keeps
	} else {
		maps.Copy(b.keeps, s.keeps)
	}
	s.keeps, s.keeping = nil, b.keeps
}

// reset empties b, and keeps its memory.
func (b *batch) reset() {
	clear(b.tasks)
	clear(b.appends) // finished, so whoever has the rest of them is not touched
	clear(b.joined)
	clear(b.commits)
	clear(b.kept)
	b.tasks, b.deletes, b.appends, b.joined, b.marks = b.tasks[:0], b.deletes[:0], b.appends[:0], b.joined[:0], b.marks[:0]
	b.commits, b.kept = b.commits[:0], b.kept[:0]
	clear(b.holds)
	b.keeps = nil
}
