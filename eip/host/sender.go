package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/stats"
)

// sender is the open sending side of a channel or adapter within one flow: it counts
// what it is given, and tells of Test Messages.
type sender struct {
	flow.Ref
	to      eip.Handler
	run     *flowRun
	place   eip.Place
	traffic *stats.Traffic
	waits   bool // traffic learns from the sink what became of messages
	noTests bool // Test Messages are kept out
}

func newSender(r *flowRun, of flow.Ref, to eip.Handler, place eip.Place) *sender {
	s := &sender{Ref: of, to: to, run: r, place: place, traffic: r.unit.host.traffic(of)}
	if c, ok := to.(stats.Confirmer); ok {
		c.ConfirmTo(s.traffic)
		s.waits = true
	}
	return s
}

// Handle sends m.
func (s *sender) Handle(ctx context.Context, m *eip.Message) error {
	test := m.IsTest()
	if !test || !s.noTests {
		if err := s.send(ctx, m); err != nil {
			return fmt.Errorf("send to %s: %w", s.Ref, err)
		}
	}
	if test {
		s.run.sentTo(s.Ref, m, s.noTests)
	}
	return nil
}

var errPanicked = errors.New("the sink panicked")

func (s *sender) send(ctx context.Context, m *eip.Message) error {
	s.traffic.Handed(m.IsTest())
	err := errPanicked
	defer func() {
		if err != nil || !s.waits {
			s.traffic.Settled(m.IsTest(), err)
		}
	}()
	err = eip.Send(ctx, s.to, m, s.place)
	return err
}
