// Package redelivery keeps what a flow could not settle for sources whose server
// cannot give it back.
package redelivery

import (
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// Delay is how long what a flow could not settle waits before its source delivers it
// again.
const Delay = 250 * time.Millisecond

// A Queue keeps what must be delivered again. Its zero value is ready, once Changed
// is set. It is safe for concurrent use.
type Queue[T any] struct {
	Changed func() // called when something is due
	Clock   eip.Clock

	mu      sync.Mutex
	due     []T
	waiting int
}

// Put has v delivered again after a while.
func (q *Queue[T]) Put(v T) {
	q.mu.Lock()
	q.waiting++
	q.mu.Unlock()
	q.Clock.AfterFunc(Delay, func() {
		q.mu.Lock()
		q.waiting--
		q.due = append(q.due, v)
		q.mu.Unlock()
		q.Changed()
	})
}

// Take returns what is due next.
func (q *Queue[T]) Take() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.due) == 0 {
		return v, false
	}
	v = q.due[0]
	q.due = q.due[1:]
	return v, true
}

// Empty reports whether nothing is due or will be.
func (q *Queue[T]) Empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.due) == 0 && q.waiting == 0
}
