package eip

import "sync/atomic"

// watch is a place where somebody may look on.
type watch struct {
	by atomic.Pointer[func(*Message)]
}

func (w *watch) set(f func(*Message)) {
	if f == nil {
		w.by.Store(nil)
		return
	}
	w.by.Store(&f)
}

func (w *watch) see(m *Message) {
	if f := w.by.Load(); f != nil {
		(*f)(m)
	}
}

// Watch has f called with every message that comes to the stage, before the stage
// works on it; nil ends it. f must be quick, and safe for concurrent use: the
// message waits for it.
func (n *Named) Watch(f func(*Message)) { n.watch.set(f) }

// Watch has f called with every message that the flow receives, as Named.Watch
// says.
func (f *Flow) Watch(by func(*Message)) { f.watch.set(by) }
