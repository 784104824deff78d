package adapter

import (
	"sync"
	"time"
)

// redeliverAfter is how long what a flow could not settle waits before its source
// delivers it again.
const redeliverAfter = 250 * time.Millisecond

// again keeps what must be delivered again. Its zero value is ready.
type again[T any] struct {
	mu      sync.Mutex
	due     []T
	waiting int
	changed func() // called when something is due
}

// put has v delivered again after a while.
func (a *again[T]) put(v T) {
	a.mu.Lock()
	a.waiting++
	a.mu.Unlock()
	time.AfterFunc(redeliverAfter, func() {
		a.mu.Lock()
		a.waiting--
		a.due = append(a.due, v)
		a.mu.Unlock()
		a.changed()
	})
}

// take returns what is due next.
func (a *again[T]) take() (v T, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.due) == 0 {
		return v, false
	}
	v = a.due[0]
	a.due = a.due[1:]
	return v, true
}

// empty reports whether nothing is due or will be.
func (a *again[T]) empty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.due) == 0 && a.waiting == 0
}
