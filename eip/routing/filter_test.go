package routing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

func ExampleFilter() {
	filter := routing.NewFilter()
	filter.If.Set(func(_ context.Context, m *eip.Message) (bool, error) { return m.Priority > 4, nil })

	show := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	})
	flow := eip.Chain([]eip.Stage{filter}, show)
	for i, body := range []string{"can wait", "urgent"} {
		m := eip.New([]byte(body), nil)
		m.Priority = uint8(i * 9)
		eip.Deliver(context.Background(), flow, m)
	}
	// Output: urgent
}

func TestFilter_Contract(t *testing.T) {
	for name, c := range map[string]eiptest.StageCase{
		"passes": {New: func(eip.Handler) eip.Stage { return &routing.Filter{If: eip.LiveOf(always(true))} }},
		"drops":  {New: func(eip.Handler) eip.Stage { return &routing.Filter{If: eip.LiveOf(always(false))} }, Outcome: eiptest.Drops},
		"discards": {New: func(target eip.Handler) eip.Stage {
			return &routing.Filter{If: eip.LiveOf(always(false)), DiscardTo: target}
		}},
		"fails": {New: func(target eip.Handler) eip.Stage {
			return &routing.Filter{If: eip.LiveOf[eip.Predicate](fails), DiscardTo: target}
		}, Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestFilter_PassesDropsAndDiscards(t *testing.T) {
	var discarded eiptest.Recorder
	for _, f := range []*routing.Filter{{If: eip.LiveOf(is("good"))}, {If: eip.LiveOf(is("good")), DiscardTo: &discarded}} {
		var went []string
		for _, body := range []string{"good", "bad", "good"} {
			passed, err := eiptest.Process(t.Context(), f, eiptest.Message(body))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range passed {
				went = append(went, string(m.Body()))
			}
		}
		if fmt.Sprint(went) != "[good good]" {
			t.Errorf("passed %v", went)
		}
		want := map[string]int64{"passed": 2, "dropped": 1}
		if f.DiscardTo != nil {
			want = map[string]int64{"passed": 2, "discarded": 1}
		}
		if !maps.Equal(f.Stats().Counts, want) {
			t.Errorf("counts %v, want %v", f.Stats().Counts, want)
		}
	}
	if got := discarded.Bodies(); fmt.Sprint(got) != "[bad]" {
		t.Errorf("discarded %v", got)
	}
}

func TestFilter_FailingExpressionIsNoFalse(t *testing.T) {
	var discarded eiptest.Recorder
	f := &routing.Filter{If: eip.LiveOf[eip.Predicate](fails), DiscardTo: &discarded}
	passed, err := eiptest.Process(t.Context(), f, eiptest.Message("x"))
	if !errors.Is(err, errNotThere) || len(passed)+len(discarded.Messages()) != 0 {
		t.Errorf("got %v, passed %d, discarded %d", err, len(passed), len(discarded.Messages()))
	}
}

func TestFilter_Validate(t *testing.T) {
	if err := routing.NewFilter().Validate(); optionOf(err) != "if" {
		t.Errorf("got %v", err)
	}
}

func BenchmarkFilter(b *testing.B) {
	head := eip.Chain([]eip.Stage{&routing.Filter{If: eip.LiveOf(always(true))}}, eip.Discard)
	m := eiptest.Message("x")
	b.ReportAllocs()
	for b.Loop() {
		if err := head.Handle(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
