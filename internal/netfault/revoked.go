package netfault

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
)

// taken is the Settler of a message that its source may take back.
type taken struct {
	back    *atomic.Bool
	look    func() // called when somebody looks first, who then sees what was so before
	settled chan error
}

func (s *taken) Settle(err error) { s.settled <- err }

func (s *taken) Revoked() bool {
	back := s.back.Load()
	if look := s.look; look != nil {
		s.look = nil
		look()
	}
	return back
}

// GivesUpTogether shows that of two messages whose source takes both back, a sender does not
// give up the first and send the second: their order would be lost. The source takes them
// back, and the network is cut, when the sender has just seen that the second is well.
func (p *Proxy) GivesUpTogether(t testing.TB, sender eip.Handler) {
	t.Helper()
	var back atomic.Bool
	first := &taken{back: &back, settled: make(chan error, 1)}
	second := &taken{back: &back, settled: make(chan error, 1)}
	second.look = func() {
		back.Store(true)
		p.Cut()
		p.Open()
		time.Sleep(300 * time.Millisecond) // it fails if the sender connects again meanwhile
	}
	p.Hole() // the first is not confirmed
	eip.Deliver(t.Context(), sender, eip.NewFor([]byte("first"), first))
	eip.Deliver(t.Context(), sender, eip.NewFor([]byte("second"), second))
	if one, other := <-first.settled, <-second.settled; errors.Is(one, eip.ErrRevoked) && !errors.Is(other, eip.ErrRevoked) {
		t.Errorf("the first was given up, and the second settled with %v", other)
	}
}
