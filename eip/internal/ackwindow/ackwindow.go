// Package ackwindow finds how far a source is done, when what it gave out in order
// is settled in any order: up to the end of the longest prefix that is settled.
package ackwindow

import "sync"

// A Window holds what was given out and is not done. It is safe for concurrent
// use.
type Window[P any] struct {
	mu      sync.Mutex
	commit  func(P)
	first   uint64 // the ticket of entries[head]
	head    int
	entries []entry[P]
	stopped bool
}

type entry[P any] struct {
	position P
	done     bool
}

// New makes a Window. commit is called with the position that everything before
// has reached, each time that it moves; it must not block or use the Window.
func New[P any](commit func(P)) *Window[P] { return &Window[P]{commit: commit} }

// Add says that what ends at position was given out, and returns the ticket that
// Done takes.
func (w *Window[P]) Add(position P) (ticket uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = append(w.entries, entry[P]{position: position})
	return w.first + uint64(len(w.entries)-w.head) - 1
}

// Done says that what has the ticket is settled.
func (w *Window[P]) Done(ticket uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ticket < w.first || ticket-w.first >= uint64(len(w.entries)-w.head) {
		return
	}
	w.entries[w.head+int(ticket-w.first)].done = true
	moved := w.head
	for w.head < len(w.entries) && w.entries[w.head].done {
		w.head++
	}
	if moved == w.head {
		return
	}
	w.first += uint64(w.head - moved)
	if !w.stopped {
		w.commit(w.entries[w.head-1].position)
	}
	w.trim()
}

// trim gives back the memory of what is done, at a cost that does not grow with the
// window.
func (w *Window[P]) trim() {
	switch {
	case w.head == len(w.entries):
		w.entries, w.head = w.entries[:0], 0
	case w.head > 64 && w.head > len(w.entries)/2:
		w.entries, w.head = append(w.entries[:0], w.entries[w.head:]...), 0
	}
}

// Len is how much was given out since the first that is not done.
func (w *Window[P]) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.entries) - w.head
}

// Stop makes the Window commit nothing any more. A commit that is under way has
// ended when it returns.
func (w *Window[P]) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}
