package control

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// settings know what was set on the bus, and give back what was leased.
type settings struct {
	clock   eip.Clock
	mu      sync.Mutex
	set     map[key]*setting
	closed  bool
	expired func(address, attribute string, value any, err error) // told of each lease's end
	kept    func(all []remembered)                                // told of all after each change; may be nil
	awaited []remembered                                          // of stages that are not there yet
}

type key struct{ address, attribute string }

type setting struct {
	stage Settable
	// shared: every instance was told so.
	shared bool
	file   any // the value before anything was set
	back   any // what a lease gives back
	until  time.Time
	timer  eip.Timer // nil: no lease
	turn   int       // counts leases, as a timer that was stopped may fire all the same
}

// change sets attributes of one stage: all or, where one is refused, none. It
// returns the old values and the end of the lease, if it is one.
func (s *settings) change(address string, stage Settable, values map[string]any, lease time.Duration, shared bool) (was map[string]any, until *time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was = map[string]any{}
	before := stage.Settable()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := stage.Set(name, values[name]); err != nil {
			for done := range was {
				_ = stage.Set(done, was[done]) // it was valid before
			}
			return nil, nil, err
		}
		was[name] = before[name]
	}
	if lease > 0 {
		t := s.clock.Now().Add(lease)
		until = &t
	}
	for name := range values {
		s.note(key{address, name}, stage, was[name], lease, shared)
	}
	s.keep()
	return was, until, nil
}

// note keeps what was set, and begins its lease.
func (s *settings) note(k key, stage Settable, was any, lease time.Duration, shared bool) {
	e := s.set[k]
	if e == nil {
		e = &setting{file: was}
		s.set[k] = e
	}
	e.stage, e.shared = stage, shared
	leased := e.timer != nil
	if leased {
		e.timer.Stop()
		e.timer = nil
	}
	if lease <= 0 || s.closed {
		return
	}
	if !leased { // of a lease upon a lease, the value before both comes back
		e.back = was
	}
	e.until = s.clock.Now().Add(lease)
	e.turn++
	turn := e.turn
	e.timer = s.clock.AfterFunc(lease, func() { s.end(k, e, turn) })
}

func (s *settings) end(k key, e *setting, turn int) {
	s.mu.Lock()
	if e.timer == nil || e.turn != turn || s.closed {
		s.mu.Unlock()
		return
	}
	e.timer = nil
	back := e.back
	err := e.stage.Set(k.attribute, back)
	s.keep()
	s.mu.Unlock()
	if s.expired != nil {
		s.expired(k.address, k.attribute, back, err)
	}
}

// keep has what is set kept. The lock is held, so that the last is kept last.
func (s *settings) keep() {
	if s.kept != nil {
		s.kept(append(s.all(), s.awaited...))
	}
}

// recall returns what was awaited, and awaits it no more.
func (s *settings) recall() []remembered {
	s.mu.Lock()
	defer s.mu.Unlock()
	awaited := s.awaited
	s.awaited = nil
	return awaited
}

// changed returns what differs from the flow file, of one address.
func (s *settings) changed(address string) map[string]Setting {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]Setting{}
	for _, r := range s.all() {
		if r.Address == address {
			all[r.Attribute] = Setting{Value: r.Value, File: r.file, Until: r.Until}
		}
	}
	return all
}

// close ends the timers; what is leased stays as it is.
func (s *settings) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, e := range s.set {
		if e.timer != nil {
			e.timer.Stop()
		}
	}
}

// Forget drops what was set on stages that are there no more: what is at their address
// now begins as its file says. It drops too since when channels count that are used no
// more.
func (s *Server) Forget() {
	s.stats.forget(s.Process.Traffic())
	s.settings.forget(s.settableAt)
}

func (s *settings) forget(at func(address, attribute string) Settable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return // what it had is remembered
	}
	for k, e := range s.set {
		if k.address == "" || at(k.address, k.attribute) == e.stage {
			continue
		}
		if e.timer != nil {
			e.timer.Stop()
			e.timer = nil
		}
		delete(s.set, k)
	}
	s.keep()
}
