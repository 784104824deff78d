package endpoint

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("reply", func() eip.Stage { return NewReply() }) }

// A Reply answers a message: its reply goes to the message's Return Address, with
// the message's Correlation Identifier. Then the message itself passes on, if
// anything follows. A message that came from where no reply can go is invalid.
type Reply struct {
	// The reply's body. Without it, the body of the message as it is by now.
	Body eip.Value `flow:"body"`
	// What becomes of a reply when nobody is at the Return Address any more, as where
	// the caller's time-out has passed: `drop` counts it, `dead_letter` makes the
	// message a dead letter.
	Gone replies.GoneCaller `flow:"gone"`

	log     *slog.Logger
	clock   eip.Clock
	rarely  rarely.Log
	gone    atomic.Int64
	forgive func(error) error
}

// NewReply returns a Reply that answers with the message as it is.
func NewReply() *Reply {
	r := &Reply{Gone: replies.Drop, log: slog.New(slog.DiscardHandler)}
	r.forgive = r.lacksCaller
	return r
}

// Validate checks the options.
func (r *Reply) Validate() error { return r.Gone.Validate() }

// Open notes where to log, and what the time is.
func (r *Reply) Open(_ context.Context, env *eip.Env) error {
	r.clock, r.log = env.Clock, env.Log.With(slog.String("stage", env.Address))
	return nil
}

// Pattern names what the stage is.
func (*Reply) Pattern() string { return "Return Address" }

// Process answers m, and passes it on.
func (r *Reply) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	reply := m.With(func(reply *eip.Message) {
		reply.ID, reply.Timestamp, reply.Expiration = eip.NewID(), r.clock.Now(), 0
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
	if r.Gone == replies.Drop {
		m.Forgive(r.forgive) // whether somebody is there may show only later
	}
	if err := m.Reply(ctx, reply); err != nil && r.forgive(err) != nil {
		return err
	}
	return next.Handle(ctx, m)
}

// lacksCaller counts what a reply that is dropped ended with, and returns other
// errors.
func (r *Reply) lacksCaller(err error) error {
	var elsewhere *eip.StageError
	if !r.Gone.Drops(err) || errors.As(err, &elsewhere) {
		return err
	}
	r.gone.Add(1)
	r.rarely.Warn(r.log, "a caller has gone, its reply is dropped", slog.Any("error", err))
	return nil
}

// Stats returns how many replies were dropped because their callers had gone.
func (r *Reply) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"gone": r.gone.Load()}}
}

// Ends says that nothing needs to follow, and that something may.
func (r *Reply) Ends() (last, passes bool) { return true, true }
