package eiptest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
)

// A StageCase is one use of a stage and what must come of it.
type StageCase struct {
	// New makes the stage with its options set. target is the handler under test:
	// it stands for a channel that the stage sends to by itself. A stage that only
	// hands on to what follows it ignores target.
	New func(target eip.Handler) eip.Stage
	// Inputs are handed to the stage one after the other; all must have the same
	// outcome. nil: one small JSON message. The suite works on copies.
	Inputs []*eip.Message
	// Next follows the stage. nil: a handler that does as target does.
	Next eip.Handler
	// Outcome is what becomes of each input.
	Outcome Outcome
	// Sends is how many messages target and what follows take together when they
	// accept all. 0: as many as there are inputs. It is not looked at where
	// nothing is handed on.
	Sends int
}

// An Outcome is what becomes of a message that is given to a stage.
type Outcome int

const (
	// Follows: the message settles as those do that it is handed to.
	Follows Outcome = iota
	// Contains: the message settles well whatever they do.
	Contains
	// Drops: the message is handed to nobody and settles well.
	Drops
	// Rejects: the message is handed to nobody and is invalid.
	Rejects
	// Fails: the message is handed to nobody and fails, without being invalid.
	Fails
)

// A behaviour is what the handlers around the stage do.
type behaviour struct {
	err    error
	panics bool
	holds  bool // they hold the message, and release it with err later
	blocks bool // they wait for the context's end
	late   bool // the context has ended before the stage is called
}

var errBusy, errGone, errUnreadable = errors.New("busy"), errors.New("gone"), errors.New("unreadable")

var behaviours = []struct {
	name string
	behaviour
}{
	{"ok", behaviour{}},
	{"error", behaviour{err: errBusy}},
	{"permanent", behaviour{err: eip.Permanent(errGone)}},
	{"invalid", behaviour{err: eip.Invalid(errUnreadable)}},
	{"panic", behaviour{err: errBusy, panics: true}},
	{"held then ok", behaviour{holds: true}},
	{"held then error", behaviour{err: errBusy, holds: true}},
	{"held then permanent", behaviour{err: eip.Permanent(errGone), holds: true}},
	{"cancelled", behaviour{err: context.Canceled, blocks: true}},
	{"cancelled before", behaviour{err: context.Canceled, blocks: true, late: true}},
}

// Stage checks that a stage keeps its contract (see package eip) while what it
// hands messages to accepts them, fails, panics, settles late or waits for the
// context's end, and when many goroutines call it at once: every input settles
// exactly once and rightly, no error is swallowed, no input is changed, no
// goroutine is left after Close, and the stage can be opened again.
//
// It runs in a bubble of testing/synctest, so that time costs nothing; every
// input must settle within an hour of it. The calling test must not be parallel.
func Stage(t *testing.T, c StageCase) {
	t.Helper()
	if c.Inputs == nil {
		c.Inputs = []*eip.Message{Message(`{"id":7,"total":1200,"region":"eu","items":["a","b"]}`)}
	}
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { c.drive(t, b.behaviour) })
		})
	}
	t.Run("concurrent callers", func(t *testing.T) { bubble(t, c.concurrent) })
	t.Run("opened again", func(t *testing.T) { bubble(t, c.reopen) })
}

// bubble runs test in a bubble and looks for goroutines that it leaves.
func bubble(t *testing.T, test func(*testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		test(t)
		synctest.Wait()
		if err := goleak.Find(before); err != nil {
			t.Errorf("the stage left goroutines behind after Close: %v", err)
		}
	})
}

// drive gives the inputs to a new stage, one after the other.
func (c *StageCase) drive(t *testing.T, b behaviour) {
	r := c.rig(t, b)
	defer r.close(t)
	r.open(t)
	if b.late {
		r.cancel()
	}
	inputs := r.deliver(c.Inputs)
	if b.holds && c.Outcome == Follows {
		for i, in := range inputs {
			if in.settled() {
				t.Errorf("input %d settled while a handler held it", i+1)
			}
		}
	}
	if b.blocks {
		r.cancel()
	}
	r.settle(inputs)
	for i, in := range inputs {
		if problem := c.judge(in, b); problem != "" {
			t.Errorf("input %d: %s", i+1, problem)
		}
	}
	r.closeStages(t)
	c.judgeSends(t, r, b)
}

// judge says what is wrong with how an input settled.
func (c *StageCase) judge(in *input, b behaviour) string {
	if changed := in.changed(); changed != "" {
		return changed
	}
	errs := in.outcomes()
	if len(errs) != 1 {
		return fmt.Sprintf("settled %d times, want once", len(errs))
	}
	err := errs[0]
	if b.late && c.Outcome != Rejects { // a stage may look at its context first, or not at all
		return ""
	}
	switch c.Outcome {
	case Follows:
		return follows(err, b)
	case Rejects:
		if !eip.IsInvalid(err) {
			return fmt.Sprintf("settled with %v, want an invalid message", err)
		}
	case Fails:
		if err == nil || eip.IsInvalid(err) {
			return fmt.Sprintf("settled with %v, want a failure", err)
		}
	default:
		if err != nil {
			return fmt.Sprintf("settled with %v, want nil", err)
		}
	}
	return ""
}

func follows(err error, b behaviour) string {
	switch {
	case b.panics && err == nil:
		return "settled with nil though a handler panicked"
	case b.panics:
	case b.err == nil && err != nil:
		return fmt.Sprintf("settled with %v, want nil", err)
	case !errors.Is(err, b.err):
		return fmt.Sprintf("settled with %v, which hides the handler's %q", err, b.err)
	case eip.IsPermanent(err) != eip.IsPermanent(b.err), eip.IsInvalid(err) != eip.IsInvalid(b.err):
		return fmt.Sprintf("settled with %v, of another kind (permanent, invalid) than the handler's", err)
	}
	return ""
}

func (c *StageCase) judgeSends(t *testing.T, r *rig, b behaviour) {
	sent, want := r.target.count()+r.next.count(), c.Sends
	if want == 0 {
		want = len(c.Inputs)
	}
	switch {
	case c.Outcome == Drops || c.Outcome == Rejects || c.Outcome == Fails:
		if r.target.count() > 0 || c.Next == nil && r.next.count() > 0 {
			t.Errorf("the stage handed on %d messages, want none", sent)
		}
	case b == behaviour{} && sent != want:
		t.Errorf("the stage handed on %d messages, want %d", sent, want)
	}
	if r.next.count() > 0 && !passes(r.stage) {
		t.Error("the stage says that it ends, and handed on to what follows it")
	}
}

func passes(s eip.Stage) bool {
	e, ok := s.(eip.Ender)
	if !ok {
		return true
	}
	last, passes := e.Ends()
	return passes || !last
}

// concurrent calls the stage from many goroutines.
func (c *StageCase) concurrent(t *testing.T) {
	const callers, rounds = 8, 8
	r := c.rig(t, behaviour{})
	defer r.close(t)
	r.open(t)
	var inputs []*input
	for range callers {
		var mine []*input
		for range rounds {
			for _, m := range c.Inputs {
				mine = append(mine, newInput(m))
			}
		}
		inputs = append(inputs, mine...)
		go func() {
			for _, in := range mine {
				eip.Deliver(r.ctx, r.head, in.Message)
			}
		}()
	}
	r.settle(inputs)
	for i, in := range inputs {
		if problem := c.judge(in, behaviour{}); problem != "" {
			t.Fatalf("message %d of %d: %s", i+1, len(inputs), problem)
		}
	}
}

// reopen uses the stage, closes it, and uses it again; and closes it unused.
func (c *StageCase) reopen(t *testing.T) {
	r := c.rig(t, behaviour{})
	defer r.close(t)
	for range 2 {
		r.open(t)
		inputs := r.deliver(c.Inputs)
		r.settle(inputs)
		for i, in := range inputs {
			if n := len(in.outcomes()); n != 1 {
				t.Errorf("input %d settled %d times, want once", i+1, n)
			}
		}
		r.closeStages(t)
	}
	r.open(t)
}
