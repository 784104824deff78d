package host

import (
	"context"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// WaitIdle waits until every source that can end has ended, and no message is in
// flight or waits in a channel inside this process. A source that has no end (an
// HTTP server, a remote broker) keeps it waiting until ctx ends.
func (h *Host) WaitIdle(ctx context.Context) error {
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	for {
		// A message is in the next channel before the flow that sent it lets go of
		// it, but flows and channels are not looked at in the same moment: what was
		// not there yet may have moved to where it was looked for before. So nothing
		// may have moved meanwhile.
		before := h.moved()
		if h.idle() && h.moved() == before {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// moved counts every message that began or ended in any flow. It is made of counts
// that only grow: where it stays the same, so does each of them.
func (h *Host) moved() (n int64) {
	for _, r := range h.flows() {
		s, tests := r.flow.Counts()
		n += tests.Received + tests.Sent + tests.Dropped + tests.Failed + tests.Made + tests.Absorbed
		n += s.Received + s.Sent + s.Dropped + s.Failed + s.Made + s.Absorbed
	}
	return n
}

// idle looks at the channels last: what a stage still works on goes to one.
func (h *Host) idle() bool {
	for _, r := range h.flows() {
		if r.flow.InFlight() > 0 || r.busy() {
			return false
		}
	}
	for _, r := range h.flows() {
		if !r.drained() {
			return false
		}
	}
	return true
}

// drained reports whether nothing is left in any of the flow's sources. Where all have
// ended, the flow's stages have finished too.
func (r *flowRun) drained() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends := true
	for _, s := range r.sources {
		if s.idler == nil {
			if !s.ended.Load() {
				return false
			}
			continue
		}
		ends = false
		if i, ok := s.idler.(broker.Idler); !ok || !i.Idle() {
			return false
		}
	}
	return !ends || r.flow.Finished()
}

// busy reports whether a stage of the flow still works on settled messages.
func (r *flowRun) busy() bool {
	for _, s := range eip.Walk(r.decl.Stages()) {
		if b, ok := s.(eip.Busy); ok && b.Busy() {
			return true
		}
	}
	return false
}
