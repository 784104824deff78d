package endpoint

import (
	"context"
	"time"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Stages.Add("reply", func() eip.Stage { return NewReply() }) }

// A Reply answers a message: its reply goes to the message's Return Address, with
// the message's Correlation Identifier. Then the message itself passes on, if
// anything follows. A message that came from where no reply can go is invalid.
type Reply struct {
	// The reply's body. Without it, the body of the message as it is by now.
	Body eip.Value `flow:"body"`
}

// NewReply returns a Reply that answers with the message as it is.
func NewReply() *Reply { return &Reply{} }

// Process answers m, and passes it on.
func (r *Reply) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	reply := m.With(func(reply *eip.Message) {
		reply.ID, reply.Timestamp, reply.Expiration = eip.NewID(), time.Now(), 0
	})
	if r.Body != nil {
		v, err := r.Body(ctx, m)
		if err != nil {
			return err
		}
		if reply, err = reply.WithValue(v, ""); err != nil {
			return err
		}
	}
	if err := m.Reply(ctx, reply); err != nil {
		return err
	}
	return next.Handle(ctx, m)
}

// Ends says that nothing needs to follow.
func (r *Reply) Ends() bool { return true }

// Passes says that something may.
func (r *Reply) Passes() bool { return true }
