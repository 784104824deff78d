package routing

import (
	"context"
	"errors"
	"fmt"
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

	expressions eip.Snapshot[[]eip.Predicate] // of the branches
	otherwise   atomic.Int64
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
	// a message fall off its end, but within each of a splitter, where it becomes the
	// part's result.
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
	seen := map[string]bool{otherwise: true}
	for _, w := range r.When {
		switch {
		case w.Label == "":
			return eip.OptionErrorf("when", "a branch has no name")
		case seen[w.Label]:
			return eip.OptionErrorf("when", "the name %q is taken", w.Label)
		case w.If.Load() == nil && w.Format == "":
			return eip.OptionErrorf("when", "the branch %q has no expression \"if\"", w.Label)
		case empty(&w.Body):
			return eip.OptionErrorf("when", "the branch %q has neither stages nor \"to\"", w.Label)
		}
		seen[w.Label] = true
	}
	return nil
}

func empty(p *eip.Pipe) bool { return len(p.Stages) == 0 && p.To == nil }

// Pattern names what the stage is.
func (*ContentRouter) Pattern() string { return "Content-Based Router" }

// present returns the branches' expressions.
func (r *ContentRouter) present() []eip.Predicate {
	all := make([]eip.Predicate, len(r.When))
	for i, w := range r.When {
		all[i] = w.If.Load()
	}
	return all
}

// Process gives m to the first branch that takes it. It is tried with the expressions
// of one moment.
func (r *ContentRouter) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	expressions := r.expressions.Load(r.present)
	for i, w := range r.When {
		ok, err := w.Format == "" || m.Headers[header.Format] == w.Format, error(nil)
		if ok && expressions[i] != nil {
			ok, err = expressions[i](ctx, m)
		}
		if err != nil {
			return m.Undecided(r, fmt.Errorf("when %q: %w", w.Label, err))
		}
		if ok {
			if m.CountsAt(r) {
				w.taken.Add(1)
			}
			return w.Body.Process(ctx, m, after(&w.Body, next))
		}
	}
	if empty(&r.Otherwise) {
		return eip.Invalid(r.noMatch())
	}
	if m.CountsAt(r) {
		r.otherwise.Add(1)
	}
	return r.Otherwise.Process(ctx, m, after(&r.Otherwise, next))
}

func (r *ContentRouter) noMatch() error {
	tried := make([]string, len(r.When))
	for i, w := range r.When {
		tried[i] = fmt.Sprintf("%q", w.Label)
	}
	return errors.New("no branch takes the message: the expressions of " + strings.Join(tried, ", ") + " are false, and there is no otherwise")
}

// Ends is true where no branch passes messages on: what no branch takes is invalid.
func (r *ContentRouter) Ends() (last, passes bool) {
	for _, p := range r.Nested() {
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
func (r *ContentRouter) Nested() []*eip.Pipe {
	pipes := make([]*eip.Pipe, 0, len(r.When)+1)
	for _, w := range r.When {
		pipes = append(pipes, &w.Body)
	}
	if !empty(&r.Otherwise) {
		pipes = append(pipes, &r.Otherwise)
	}
	return pipes
}

// Stats returns how many messages each branch took, by its label.
func (r *ContentRouter) Stats() stats.Own {
	counts := make(map[string]int64, len(r.When)+1)
	for _, w := range r.When {
		counts[w.Label] = w.taken.Load()
	}
	if !empty(&r.Otherwise) {
		counts[otherwise] = r.otherwise.Load()
	}
	return stats.Own{Counts: counts, Branches: counts}
}
