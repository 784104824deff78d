package routing

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("content_router", func() eip.Stage { return NewContentRouter() }) }

// ContentRouter is the Content-Based Router: each message goes the way of the
// first branch whose expression is true.
type ContentRouter struct {
	// When holds the branches, which are tried in the order in which they are
	// written.
	When []*When `flow:"when,block,required"`
	// Otherwise takes the messages that no branch takes. Without it, such a message
	// is an invalid message.
	Otherwise eip.Pipe `flow:"otherwise,body,ends"`
	// Whether the control bus may replace the expressions of all branches while the
	// flow runs.
	Dynamic bool `flow:"dynamic"`

	choice    choice
	otherwise atomic.Int64
}

// When is one branch of a ContentRouter.
type When struct {
	// Label is the branch's name, in addresses and statistics.
	Label string `flow:",label"`
	// If decides whether the branch takes a message. It is needed, unless format says that.
	If eip.Live[eip.Predicate] `flow:"if"`
	// Format is the Format Indicator of the messages that the branch takes: what their
	// header eip-format says, by format of transform or another program.
	Format string `flow:"format"`
	// Whether the control bus may replace the expression while the flow runs.
	Dynamic bool `flow:"dynamic"`
	// Body is what happens to the messages that the branch takes. It must not let
	// a message fall off its end, but within a stage that goes on with it: in each of a
	// splitter, where it becomes the part's result, or in a normalizer.
	Body eip.Pipe `flow:",body,ends"`

	taken atomic.Int64
}

// NewContentRouter returns a ContentRouter, which needs branches.
func NewContentRouter() *ContentRouter { return &ContentRouter{} }

const otherwise = "otherwise"

// Validate checks the branches.
func (r *ContentRouter) Validate() error {
	if len(r.When) == 0 {
		return eip.OptionErrorf("when", "there is no branch; send all messages to one place by \"to\"")
	}
	for _, w := range r.When {
		if empty(&w.Body) {
			return eip.OptionErrorf("when", "the branch %q has neither stages nor \"to\"", w.Label)
		}
	}
	return checkBranches("when", r.When)
}

// checkBranches checks the branches of an option.
func checkBranches(option string, branches []*When) error {
	seen := map[string]bool{otherwise: true}
	for _, w := range branches {
		switch {
		case w.Label == "":
			return eip.OptionErrorf(option, "a branch has no name")
		case seen[w.Label]:
			return eip.OptionErrorf(option, "the name %q is taken", w.Label)
		case w.If.Load() == nil && w.Format == "":
			return eip.OptionErrorf(option, "the branch %q has no expression \"if\"", w.Label)
		}
		seen[w.Label] = true
	}
	return nil
}

func empty(p *eip.Pipe) bool { return len(p.Stages) == 0 && p.To == nil }

// written are those of these bodies that a stage has.
func written(bodies ...*eip.Pipe) []*eip.Pipe { return slices.DeleteFunc(bodies, empty) }

// Pattern names what the stage is.
func (*ContentRouter) Pattern() string { return "Content-Based Router" }

// A choice is the way to the first branch that takes a message.
type choice struct {
	expressions eip.Snapshot[[]eip.Predicate]
}

// of returns the branch that takes m; nil: none does. m is tried with the expressions of one
// moment.
func (c *choice) of(ctx context.Context, m *eip.Message, option string, branches []*When) (*When, error) {
	expressions := c.expressions.Load(func() []eip.Predicate {
		all := make([]eip.Predicate, len(branches))
		for i, w := range branches {
			all[i] = w.If.Load()
		}
		return all
	})
	for i, w := range branches {
		ok, err := w.Format == "" || m.Headers[header.Format] == w.Format, error(nil)
		if ok && expressions[i] != nil {
			ok, err = expressions[i](ctx, m)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", option, w.Label, err)
		}
		if ok {
			return w, nil
		}
	}
	return nil, nil
}

// Process gives m to the first branch that takes it.
func (r *ContentRouter) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	w, err := r.choice.of(ctx, m, "when", r.When)
	switch {
	case err != nil:
		return m.Undecided(r, err)
	case w != nil:
		m.CountAt(r, &w.taken)
		return w.Body.Process(ctx, m, after(&w.Body, next))
	case empty(&r.Otherwise):
		return eip.Invalid(fmt.Errorf("no branch takes the message: the expressions of %s are false, and there is no otherwise", labels(r.When)))
	}
	m.CountAt(r, &r.otherwise)
	return r.Otherwise.Process(ctx, m, after(&r.Otherwise, next))
}

func labels(branches []*When) string {
	all := make([]string, len(branches))
	for i, w := range branches {
		all[i] = strconv.Quote(w.Label)
	}
	return strings.Join(all, ", ")
}

// Ends is true where no branch passes messages on: what no branch takes is invalid.
func (r *ContentRouter) Ends() (last, passes bool) { return allEnd(r.Nested()) }

// allEnd is the Ends of a stage of which each message goes one of these ways.
func allEnd(ways []*eip.Pipe) (last, passes bool) {
	for _, p := range ways {
		passes = passes || !isClosed(p)
	}
	return !passes, passes
}

// isClosed reports whether a branch may be the last a message sees.
func isClosed(p *eip.Pipe) bool {
	last, _ := ending(p)
	return last
}

// ending says whether a body may be the last a message sees, and whether messages get out of
// its end where something follows.
func ending(p *eip.Pipe) (last, passes bool) {
	if p.To != nil {
		return true, false
	}
	if empty(p) {
		return false, true
	}
	stage := p.Stages[len(p.Stages)-1]
	if n, ok := stage.(*eip.Named); ok {
		stage = n.Stage
	}
	if e, ok := stage.(eip.Ender); ok {
		return e.Ends()
	}
	return false, true
}

// after is what follows a branch within a stage that next follows.
func after(p *eip.Pipe, next eip.Handler) eip.Handler {
	if isClosed(p) {
		return nil
	}
	return next
}

// Nested returns the branches' bodies.
func (r *ContentRouter) Nested() []*eip.Pipe { return written(append(bodies(r.When), &r.Otherwise)...) }

func bodies(branches []*When) []*eip.Pipe {
	pipes := make([]*eip.Pipe, 0, len(branches)+1)
	for _, w := range branches {
		pipes = append(pipes, &w.Body)
	}
	return pipes
}

// Stats returns how many messages each branch took, by its label.
func (r *ContentRouter) Stats() stats.Own {
	counts := taken(r.When)
	if !empty(&r.Otherwise) {
		counts[otherwise] = r.otherwise.Load()
	}
	return stats.Own{Counts: counts, Branches: counts}
}

func taken(branches []*When) map[string]int64 {
	counts := make(map[string]int64, len(branches)+1)
	for _, w := range branches {
		counts[w.Label] = w.taken.Load()
	}
	return counts
}
