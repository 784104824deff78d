package routing

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/inner"
	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("loop", func() eip.Stage { return NewLoop() }) }

// A Loop has each message pass its stages again and again, and then passes it on.
type Loop struct {
	// The message passes the stages as long as this is true of what it has become.
	While eip.Live[eip.Predicate] `flow:"while"`
	// How often the message passes the stages, in place of while: an expression that sees it
	// as it came.
	Times eip.Value `flow:"times,number"`
	// How often at most. A message that is not done by then is invalid.
	Max eip.Live[int] `flow:"max"`
	// Whether the control bus may replace the expression of while while the flow runs.
	Dynamic bool `flow:"dynamic"`
	// The stages. One message comes out of them, or none.
	Body eip.Pipe `flow:",body,open,through"`

	messages, rounds atomic.Int64
}

// NewLoop returns a Loop of at most 1000 rounds, which needs its While or its Times.
func NewLoop() *Loop { return &Loop{Max: eip.LiveOf(1000)} }

// mostRounds is how often a message may pass stages in loops, all that are in each other.
const mostRounds = 100_000

// Validate checks the options.
func (l *Loop) Validate() error {
	switch {
	case l.While.Load() == nil && l.Times == nil:
		return errors.New("nothing says how often messages pass the stages: set \"while\" or \"times\"")
	case l.While.Load() != nil && l.Times != nil:
		return eip.OptionErrorf("times", "while says when it ends; leave one of them out")
	case l.Max.Load() < 1 || l.Max.Load() > mostRounds:
		return eip.OptionErrorf("max", "must be from 1 to %d", mostRounds)
	case len(l.Body.Stages) == 0:
		return errors.New("it needs stages")
	case l.Body.To != nil:
		return eip.OptionErrorf("to", "a message comes round again; write the `to` behind the loop")
	}
	if name := inner.Mixes(&l.Body); name != "" {
		return fmt.Errorf("%s makes messages of its own, which would not come round; write it before or behind the loop", name)
	}
	return nil
}

// allRounds are those that are left of a message, in the outermost loop and what is in it.
type allRounds struct{}

var errRounds = eip.Invalid(fmt.Errorf("it has passed stages in loops %d times", mostRounds))

// Process passes m through the stages, and then on.
func (l *Loop) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	times, err := l.times(ctx, m)
	if err != nil {
		return m.Undecided(l, err)
	}
	within := ctx
	left, ok := ctx.Value(allRounds{}).(*atomic.Int64)
	if !ok {
		left = &atomic.Int64{}
		left.Store(mostRounds)
		within = context.WithValue(ctx, allRounds{}, left)
	}
	counts, charged := m.CountsAt(l), settle.Charged(m)
	if counts {
		l.messages.Add(1)
	}
	for round := 0; ; round++ {
		more := round < times
		if l.Times == nil {
			if more, err = l.While.Load()(ctx, m); err != nil {
				return fmt.Errorf("while, after %d times: %w", round, err)
			}
		}
		switch most := l.Max.Load(); {
		case !more:
			return next.Handle(ctx, m)
		case round >= most:
			return eip.Invalid(fmt.Errorf("it would pass the stages more than %d times", most))
		case left.Add(-1) < 0:
			return errRounds
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if counts {
			l.rounds.Add(1)
		}
		if m, err = inner.Pass(within, &l.Body, m); err != nil || m == nil {
			return err
		}
		m.Charge(charged + int64(len(m.Body())) - settle.Charged(m)) // what it was is gone
	}
}

// times is how often m passes the stages, where that is known before.
func (l *Loop) times(ctx context.Context, m *eip.Message) (int, error) {
	if l.Times == nil {
		return 0, nil
	}
	v, err := l.Times(ctx, m)
	if err != nil {
		return 0, fmt.Errorf("times: %w", err)
	}
	n, err := wholeNumber(v)
	if most := l.Max.Load(); err == nil && (n < 0 || n > most) {
		err = fmt.Errorf("it would pass the stages %d times, and max is %d", n, most)
	}
	if err != nil {
		return 0, eip.Invalid(fmt.Errorf("times: %w", err))
	}
	return n, nil
}

// Nested returns the stages.
func (l *Loop) Nested() []*eip.Pipe { return []*eip.Pipe{&l.Body} }

// Stats returns how many "messages" came, and how often they passed the stages ("rounds").
func (l *Loop) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"messages": l.messages.Load(), "rounds": l.rounds.Load()}}
}
