package routing

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

func init() { eip.Stages.Add("aggregator", func() eip.Stage { return NewAggregator() }) }

// An Aggregator gathers messages that belong together until they are complete, and makes
// one message of them. What it has gathered is kept in a store and outlasts the process.
type Aggregator struct {
	// Where groups are kept. Without it, in the default store.
	Store store.Place `flow:"store"`
	// What belongs together: an expression, whose value is the group's key. Without it, the
	// parts of one sequence.
	Key eip.Value `flow:"key"`
	// What a part is known by: a second one of the same in a group is a duplicate, which is
	// dropped and counted. Without it, the Message ID, or else the number in the sequence.
	Part eip.Value `flow:"part"`
	// The group is complete as soon as this is true. It sees the part that has come, as
	// body, headers and message, and group with that part in it. Without it, where there is
	// no key either, a group is complete when all of its sequence are there.
	Complete PartPredicate `flow:"complete"`
	// The group is closed when it has so many parts.
	Size eip.Live[int] `flow:"size"`
	// The group is closed when its parts take so much.
	Bytes eip.Bytes `flow:"bytes"`
	// How long after its first part a group is closed; never says that it may stay open for
	// ever.
	Timeout eip.Live[time.Duration] `flow:"timeout,never"`
	// How long after its last part a group is closed.
	IdleTimeout eip.Live[time.Duration] `flow:"idle_timeout"`
	// All groups are closed at every full such time of UTC: with 1m at the end of each
	// minute.
	Every time.Duration `flow:"every"`
	// What becomes of a group that is closed and not complete, where it is said what is
	// complete: its message becomes a dead letter, goes on all the same, or is discarded.
	Incomplete Unfinished `flow:"incomplete"`
	// The message's body: an expression of group. Without it, the list of the parts' bodies,
	// or with fold the value.
	Body OfGroup `flow:"body"`
	// The group's new value, instead of keeping the parts. It sees value and the part that
	// has come, as body, headers and message.
	Fold OfPart `flow:"fold"`
	// The value that the first part is folded into: an expression of that part. Without it,
	// nil.
	Initial eip.Value `flow:"initial"`
	// What becomes of a part whose group was closed within the time of remember: it begins
	// a new group, is discarded, or becomes a dead letter.
	Late Late `flow:"late"`
	// How long the keys of closed groups are known, and what was in them, so that parts
	// which come once more are known as duplicates.
	Remember time.Duration `flow:"remember"`
	// How many groups may be open.
	MaxGroups eip.Live[int] `flow:"max_groups"`
	// What becomes of a part that would open one more: it waits until a group is closed,
	// the oldest group is closed for it, or it becomes a dead letter.
	Full Full `flow:"full"`

	env    *eip.Env
	space  store.Space
	outbox store.Outbox
	latest atomic.Int64 // how many groups were open in the last step
	waiters
	aggregatorStats
}

// Unfinished is what becomes of a group that is closed and not complete.
type Unfinished string

// Options returns what there is.
func (Unfinished) Options() []string { return []string{"dead_letter", "release", "discard"} }

// Late is what becomes of a part whose group was closed before.
type Late string

// Options returns what there is.
func (Late) Options() []string { return []string{"new", "discard", "dead_letter"} }

// Full is what becomes of a part that would open a group too many.
type Full string

// Options returns what there is.
func (Full) Options() []string { return []string{"wait", "oldest", "dead_letter"} }

// NewAggregator returns an Aggregator of the parts of sequences, which needs a time-out.
func NewAggregator() *Aggregator {
	return &Aggregator{Bytes: 64 << 20, Incomplete: "dead_letter", Late: "new", Remember: time.Hour, MaxGroups: eip.LiveOf(100_000), Full: "wait"}
}

// Validate checks that a group has an end, and what expressions see of it.
func (a *Aggregator) Validate() error {
	switch {
	case a.Size.Load() < 0:
		return eip.OptionErrorf("size", "%d is no number of parts", a.Size.Load())
	case a.Bytes <= 0:
		return eip.OptionErrorf("bytes", "a group must have some room")
	case a.MaxGroups.Load() < 1:
		return eip.OptionErrorf("max_groups", "at least one group must be open")
	case a.Initial != nil && a.Fold.Of == nil:
		return eip.OptionErrorf("initial", "there is no fold that begins with it")
	case a.Remember < 0:
		return eip.OptionErrorf("remember", "%v is no time", a.Remember)
	case a.Timeout.Load() == 0 && a.IdleTimeout.Load() <= 0 && a.Every <= 0 && a.Size.Load() == 0:
		return eip.OptionErrorf("timeout", `a group whose parts do not all come would stay open for ever; add timeout, idle_timeout, every or size, or say timeout = "never"`)
	}
	lacks := ofFold
	if a.Fold.Of != nil {
		lacks = ofParts
	}
	for _, x := range []struct {
		option string
		reads  []string
	}{{"complete", a.Complete.reads}, {"body", a.Body.reads}, {"fold", a.Fold.reads}} {
		if err := check(x.option, x.reads, lacks...); err != nil {
			return err
		}
	}
	return nil
}

// Place is where it remembers.
func (a *Aggregator) Place() *store.Place { return &a.Store }

// Absorbs says that parts are settled once they are in their group.
func (a *Aggregator) Absorbs() {}

// Open opens what was gathered before.
func (a *Aggregator) Open(ctx context.Context, env *eip.Env) (err error) {
	if a.space, err = a.Store.Space(env.Address, "aggregator"); err != nil {
		return err
	}
	a.env = env
	a.outbox.Due = a.due
	if err := a.space.View(func(r store.Reader) error {
		a.latest.Store(int64(groupsOf(r)))
		return known(r)
	}); err != nil {
		return err
	}
	return a.outbox.Open(ctx, env, a.space)
}

// Close ends what is due; groups stay open in their store.
func (a *Aggregator) Close(context.Context) error {
	a.waiters.stop()
	a.outbox.Close()
	return nil
}

// Busy reports whether a group will be closed in time, or a message is still to be sent.
func (a *Aggregator) Busy() bool {
	if a.Timeout.Load() > 0 || a.IdleTimeout.Load() > 0 || a.Every > 0 {
		return a.outbox.Holds(openedKey)
	}
	return a.outbox.Holds()
}

// Finish closes all groups, as no more parts will come.
func (a *Aggregator) Finish(ctx context.Context) error {
	for more := true; more; {
		err := store.Do(ctx, a.space, func(tx store.Tx) (err error) {
			more, err = a.closeSome(tx, ByEnd)
			return err
		})
		if err != nil {
			return fmt.Errorf("close groups: %w", err)
		}
	}
	return a.outbox.Flush(ctx)
}

// Process puts m into its group once it would settle.
func (a *Aggregator) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	p, err := a.part(ctx, m)
	if err != nil {
		return err
	}
	m.Absorb()
	if a.mustWait(p) {
		a.waiters.add(ctx, a, p)
		return nil
	}
	a.outbox.Keep(ctx, m, p.join)
	return nil
}
