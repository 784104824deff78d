package endpoint

import (
	"context"
	"fmt"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Stages.Add("send", func() eip.Stage { return NewSend() }) }

// Send sends a copy of each message to a channel, and passes the message on. The
// message is settled when both are.
type Send struct {
	// To is where the copy goes; of a list, each gets one.
	To eip.Handler `flow:"to,required"`
	// Key computes the copy's key. Without it, the copy has the message's.
	Key eip.Text `flow:"key"`
}

// NewSend returns a Send, which needs its To.
func NewSend() *Send { return &Send{} }

// Validate checks that there is somewhere to send to.
func (s *Send) Validate() error {
	if s.To == nil {
		return eip.OptionErrorf("to", "there is no channel to send to")
	}
	return nil
}

// Pattern names what the stage is.
func (*Send) Pattern() string { return "Message Endpoint" }

// Process sends the copy first. Where it is refused at once, m goes no further, so
// that a retry does not double what follows.
func (s *Send) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	sent := m
	if s.Key != nil {
		key, err := s.Key(ctx, m)
		if err != nil {
			return fmt.Errorf("key: %w", err)
		}
		sent = m.With(func(m *eip.Message) { m.Key = key })
	}
	if err := s.To.Handle(ctx, sent); err != nil {
		return err
	}
	m.Sent(1)
	return next.Handle(ctx, m)
}
