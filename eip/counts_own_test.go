package eip_test

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/manage"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/stats"
)

// What a stage counts itself, and the copies that it made, do not grow with the
// attempts that a message takes, wherever and however it failed before.
func TestCounts_OfAStageItself(t *testing.T) {
	yes := func(context.Context, *eip.Message) (bool, error) { return true, nil }
	no := func(context.Context, *eip.Message) (bool, error) { return false, nil }
	router := func(holds eip.Predicate, to eip.Handler) eip.Stage {
		return &routing.ContentRouter{When: []*routing.When{{Label: "a", If: eip.LiveOf(holds), Body: eip.Pipe{To: to}}}, Otherwise: eip.Pipe{To: to}}
	}
	detour := func(to eip.Handler) eip.Stage {
		return &manage.Detour{Enabled: eip.LiveOf(true), Body: eip.Pipe{To: to}}
	}
	discardAfter := func(to eip.Handler) eip.Stage { // the message is sent aside and dropped
		return &within{eip.Pipe{Stages: []eip.Stage{&endpoint.Send{To: to}, named("f.s.discard", endpoint.NewDiscard())}}}
	}
	stages := map[string]struct {
		stage func(to eip.Handler) eip.Stage
		want  map[string]int64
		sent  stats.Counts
	}{
		"branch":    {func(to eip.Handler) eip.Stage { return router(yes, to) }, map[string]int64{"a": 1, "otherwise": 0}, stats.Counts{Sent: 1}},
		"otherwise": {func(to eip.Handler) eip.Stage { return router(no, to) }, map[string]int64{"a": 0, "otherwise": 1}, stats.Counts{Sent: 1}},
		"detour":    {detour, map[string]int64{"detoured": 1}, stats.Counts{Sent: 1}},
		"filter": {func(to eip.Handler) eip.Stage {
			return &routing.Filter{If: eip.LiveOf[eip.Predicate](no), DiscardTo: to}
		}, map[string]int64{"passed": 0, "discarded": 1}, stats.Counts{Sent: 1, Copies: 1}},
		"send": {func(to eip.Handler) eip.Stage { return &endpoint.Send{To: to} }, nil, stats.Counts{Sent: 1, Copies: 1}},
		"recipient list": {func(to eip.Handler) eip.Stage {
			return &routing.RecipientList{To: []eip.Target{{Handler: to}, {Handler: eip.Discard}}}
		}, nil, stats.Counts{Sent: 1, Copies: 2}},
		"discard": {discardAfter, nil, stats.Counts{Sent: 1, Copies: 1}},
	}
	failures := map[string]eip.HandlerFunc{
		"at once": func(context.Context, *eip.Message) error { return errBroken },
		"later": func(_ context.Context, m *eip.Message) error {
			release := m.Hold()
			time.AfterFunc(time.Second, func() { release(errBroken) })
			return nil
		},
		"panic": func(context.Context, *eip.Message) error { panic("broken") },
	}
	for kind, s := range stages {
		for how, fail := range failures {
			t.Run(kind+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					attempts := 0
					stage := s.stage(eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
						if attempts++; attempts < 3 {
							return fail(ctx, m)
						}
						return nil
					}))
					n := named("f.s", stage)
					f := &eip.Flow{Name: "f", Source: &numbered{n: 1}, Stages: []eip.Stage{n}, To: eip.Discard, DeadLetter: eip.Discard}
					if err := f.Run(t.Context()); err != nil {
						t.Fatal(err)
					}
					if c, ok := stage.(eip.Counted); ok && !maps.Equal(c.Stats().Counts, s.want) {
						t.Errorf("%v, want %v", c.Stats().Counts, s.want)
					}
					s.sent.Received = 1
					got, _ := n.Counts()
					if got.Retried = 0; got != s.sent {
						t.Errorf("%+v\nwant %+v", got, s.sent)
					}
					if w, ok := stage.(*within); ok {
						d := w.body.Stages[1].(*eip.Named)
						if got, _ := d.Counts(); got != (stats.Counts{Received: 1, Dropped: 1}) || d.Stage.(eip.Counted).Stats().Counts["dropped"] != 1 {
							t.Errorf("discard: %+v, %v", got, d.Stage.(eip.Counted).Stats().Counts)
						}
					}
				})
			})
		}
	}
}

// A stage that fails before it has counted a message counts it in the attempt in which
// it does not, and only then.
func TestCounts_OfAStageThatCannotDecideAtFirst(t *testing.T) {
	fails := func(first int) eip.Predicate {
		n := 0
		return func(context.Context, *eip.Message) (bool, error) {
			if n++; n == first {
				return false, errBroken
			}
			return true, nil
		}
	}
	for name, first := range map[string]int{"first attempt": 1, "second attempt": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &routing.ContentRouter{When: []*routing.When{{Label: "a", If: eip.LiveOf(fails(first)), Body: eip.Pipe{To: eip.Discard}}}}
				filter := &routing.Filter{If: eip.LiveOf(fails(first))}
				rejects := onNumber(doing{1: failUntil(4)})
				f := &eip.Flow{Name: "f", Source: &numbered{n: 1}, Stages: []eip.Stage{named("f.filter", filter), rejects, named("f.router", r)},
					Retry: eip.Retry{Attempts: 9}, DeadLetter: eip.Discard}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := filter.Stats().Counts["passed"]; got != 1 {
					t.Errorf("the filter passed %d", got)
				}
				if got := r.Stats().Branches["a"]; got != 1 {
					t.Errorf("the branch took %d", got)
				}
			})
		})
	}
}
