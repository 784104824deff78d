package eip

import "sync/atomic"

// watcher is who looks on, where somebody does.
type watcher struct {
	by atomic.Pointer[func(*Message)]
}

func (w *watcher) set(f func(*Message)) {
	if f == nil {
		w.by.Store(nil)
		return
	}
	w.by.Store(&f)
}

func (w *watcher) see(m *Message) {
	if f := w.by.Load(); f != nil {
		(*f)(m)
	}
}

// Watch has f called with every message that comes to the stage, before the stage
// works on it; nil ends it. f must be quick, and safe for concurrent use: the
// message waits for it.
func (n *Named) Watch(f func(*Message)) { n.watcher.set(f) }

// Watch has f called with every message that the flow receives, as Named.Watch
// says.
func (f *Flow) Watch(by func(*Message)) { f.watcher.set(by) }
