package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

func init() { eip.Stages.Add("delay", func() eip.Stage { return NewDelay() }) }

// A Delay keeps messages in a store until it is time for them to go on. Their source
// forgets them at once.
type Delay struct {
	// For is how long a message waits: a duration such as "10m", or an expression that
	// gives one, as text or made by duration("10m").
	For adapter.Program `flow:"for"`
	// Until is when a message goes on: an expression that gives a time, or a text like
	// "2026-01-31T09:00:00Z".
	Until eip.Value `flow:"until,time"`
	// The longest that a message may wait. One that is to wait longer is invalid.
	Max time.Duration `flow:"max"`
	// The store that messages wait in. Without it, the default one.
	Store store.Place `flow:"store"`

	fixed time.Duration // of For
	text  eip.Text      // of For, where it is an expression

	clock  eip.Clock
	space  store.Space
	outbox store.Outbox

	delayed, direct atomic.Int64
}

const mostDelay = 100 * 365 * 24 * time.Hour

// NewDelay returns a Delay of at most 30 days, which needs its For or Until.
func NewDelay() *Delay { return &Delay{Max: 30 * 24 * time.Hour} }

// Place is where messages wait.
func (d *Delay) Place() *store.Place { return &d.Store }

// Absorbs says that messages are settled once they are in the store.
func (*Delay) Absorbs() {}

// Pattern names what the stage is.
func (*Delay) Pattern() string { return "Delayer" }

// Validate checks that it is clear how long messages wait.
func (d *Delay) Validate() (err error) {
	given := d.For.Source != "" || d.For.Text != nil
	switch {
	case given && d.Until != nil:
		return eip.OptionErrorf("until", "messages wait either for a time, or until one; leave one out")
	case !given && d.Until == nil:
		return errors.New(`it does not say how long messages wait; write for = "10m", or until`)
	case d.Max <= 0 || d.Max > mostDelay:
		return eip.OptionErrorf("max", "%v is no time to wait; give more than 0s, and no more than 100 years", d.Max)
	case !given:
		return nil
	}
	d.text = nil
	switch d.fixed, err = time.ParseDuration(d.For.Source); {
	case err != nil && (d.For.Text == nil || isNumber(d.For.Source)):
		return eip.OptionErrorf("for", "%q is no duration like 500ms, 5s or 1h30m; a day is 24h", d.For.Source)
	case err != nil:
		d.text, err = d.For.Text()
		return err
	case d.fixed < 0:
		return eip.OptionErrorf("for", "%v is no time to wait", d.fixed)
	case d.fixed > d.Max:
		return eip.OptionErrorf("for", "%v is longer than max, %v", d.fixed, d.Max)
	}
	return nil
}

// isNumber reports whether a source is a number with a unit or without one, which no
// expression for a time is.
func isNumber(source string) bool {
	unit := strings.TrimLeft(source, "+-0123456789. ")
	return unit != source && !strings.ContainsFunc(unit, func(r rune) bool { return !unicode.IsLetter(r) })
}

// Open begins to send what is due.
func (d *Delay) Open(ctx context.Context, env *eip.Env) (err error) {
	d.clock = env.Clock
	if d.space, err = d.Store.Space(env.Address, "delay"); err != nil {
		return err
	}
	return d.outbox.Open(ctx, env, d.space)
}

// Close ends it. What waits is sent when the stage is open again.
func (d *Delay) Close(context.Context) error {
	d.outbox.Close()
	return nil
}

// Finish waits until nothing waits any more.
func (d *Delay) Finish(ctx context.Context) error { return d.outbox.Drain(ctx) }

// Busy reports whether messages wait.
func (d *Delay) Busy() bool { return d.outbox.Waiting() }

var _ store.Releaser = (*Delay)(nil)

// Groups returns the messages that wait, by their Message IDs; those first that go on first.
func (d *Delay) Groups(id string, most int) ([]store.Group, bool, error) {
	return d.outbox.Groups(id, most)
}

// Release has messages go on at once.
func (d *Delay) Release(ctx context.Context, id string) (int, error) {
	return d.outbox.Release(ctx, id)
}

// Forget removes messages that wait.
func (d *Delay) Forget(ctx context.Context, id string, save func([]any) error) (int, error) {
	return d.outbox.Forget(ctx, id, save)
}

// Process keeps m until its time, or passes it on where that has come.
func (d *Delay) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	now := d.clock.Now()
	at, err := d.due(ctx, m, now)
	if err == nil && at.Sub(now) > d.Max {
		err = eip.Invalid(fmt.Errorf("it is to wait %v, longer than %v", at.Sub(now).Round(time.Second), d.Max))
	}
	if err != nil {
		return m.Undecided(d, err)
	}
	if !at.After(now) {
		m.CountAt(d, &d.direct)
		return next.Handle(ctx, m)
	}
	m.CountAt(d, &d.delayed)
	m.Absorb()
	d.outbox.Keep(ctx, m, func(tx store.Tx) error { return d.outbox.Put(tx, m, at) })
	return nil
}

// due returns when m goes on.
func (d *Delay) due(ctx context.Context, m *eip.Message, now time.Time) (time.Time, error) {
	switch {
	case d.Until != nil:
		v, err := d.Until(ctx, m)
		if err != nil {
			return time.Time{}, fmt.Errorf("until: %w", err)
		}
		return timeIn(v)
	case d.text == nil:
		return now.Add(d.fixed), nil
	}
	text, err := d.text(ctx, m)
	if err != nil {
		return time.Time{}, fmt.Errorf("for: %w", err)
	}
	wait, err := time.ParseDuration(text)
	if err != nil {
		return time.Time{}, eip.Invalid(fmt.Errorf("for: the expression gives %s, and no duration like '5s' or '1h30m'", quote(text)))
	}
	return now.Add(wait), nil
}

func timeIn(v any) (at time.Time, err error) {
	switch v := v.(type) {
	case time.Time:
		return v, nil
	case string:
		if at, err = time.Parse(time.RFC3339, v); err != nil {
			err = eip.Invalid(fmt.Errorf("until: the expression gives %s, and no time like '2026-01-31T09:00:00Z'", quote(v)))
		}
		return at, err
	}
	return at, eip.Invalid(fmt.Errorf("until: the expression gives %s, and not a time", content.KindOf(v)))
}

// Stats returns how many messages were "delayed", and how many went on directly because
// their time had come.
func (d *Delay) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"delayed": d.delayed.Load(), "direct": d.direct.Load()}}
}
