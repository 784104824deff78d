package routing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

func ExampleContentRouter() {
	queue := func(name string) eip.Handler {
		return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			fmt.Printf("%s: %s\n", name, m.Body())
			return nil
		})
	}
	router := routing.NewContentRouter()
	router.When = []*routing.When{{
		Label: "big",
		If: eip.LiveOf[eip.Predicate](func(_ context.Context, m *eip.Message) (bool, error) {
			order, err := m.Value()
			if err != nil {
				return false, err
			}
			return order.(map[string]any)["total"].(int) > 1000, nil
		}),
		Body: eip.Pipe{To: queue("big")},
	}}
	router.Otherwise.To = queue("rest")

	flow := eip.Chain([]eip.Stage{router}, nil)
	for _, order := range []string{`{"total": 2000}`, `{"total": 10}`} {
		eip.Deliver(context.Background(), flow, eip.New([]byte(order), nil))
	}
	// Output:
	// big: {"total": 2000}
	// rest: {"total": 10}
}

func TestContentRouter_Contract(t *testing.T) {
	toSecond := func(target eip.Handler) eip.Stage {
		return &routing.ContentRouter{When: []*routing.When{
			{Label: "no", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
			{Label: "yes", If: eip.LiveOf(always(true)), Body: eip.Pipe{To: target}},
		}, Otherwise: eip.Pipe{To: eip.Discard}}
	}
	toOtherwise := func(target eip.Handler) eip.Stage {
		r := toSecond(target).(*routing.ContentRouter)
		r.When = r.When[:1]
		r.Otherwise.To = target
		return r
	}
	noMatch := func(target eip.Handler) eip.Stage {
		return &routing.ContentRouter{When: []*routing.When{{Label: "no", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: target}}}}
	}
	failing := func(target eip.Handler) eip.Stage {
		return &routing.ContentRouter{When: []*routing.When{{Label: "bad", If: eip.LiveOf[eip.Predicate](fails), Body: eip.Pipe{To: target}}}}
	}
	for name, c := range map[string]eiptest.StageCase{
		"branch":    {New: toSecond},
		"otherwise": {New: toOtherwise},
		"no match":  {New: noMatch, Outcome: eiptest.Rejects},
		"failing":   {New: failing, Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestContentRouter_FirstTrueBranchTakes(t *testing.T) {
	var a, ab, rest eiptest.Recorder
	r := &routing.ContentRouter{When: []*routing.When{
		{Label: "a", If: eip.LiveOf(is("a")), Body: eip.Pipe{To: &a}},
		{Label: "a_or_b", If: eip.LiveOf[eip.Predicate](func(_ context.Context, m *eip.Message) (bool, error) {
			return strings.Contains("ab", string(m.Body())), nil
		}), Body: eip.Pipe{To: &ab}},
	}, Otherwise: eip.Pipe{To: &rest}}
	for _, body := range []string{"a", "b", "c", "b"} {
		if passed, err := eiptest.Process(t.Context(), r, eiptest.Message(body)); err != nil || passed != nil {
			t.Fatalf("%s: passed on %d, %v", body, len(passed), err)
		}
	}
	for name, got := range map[string]*eiptest.Recorder{"a": &a, "bb": &ab, "c": &rest} {
		if bodies := strings.Join(got.Bodies(), ""); bodies != name {
			t.Errorf("got %q, want %q", bodies, name)
		}
	}
	if want := map[string]int64{"a": 1, "a_or_b": 2, "otherwise": 1}; !maps.Equal(r.Stats().Counts, want) {
		t.Errorf("counts %v, want %v", r.Stats().Counts, want)
	}
}

func TestContentRouter_NoMatchNamesWhatWasTried(t *testing.T) {
	r := &routing.ContentRouter{When: []*routing.When{
		{Label: "big", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
		{Label: "gift", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
	}}
	_, err := eiptest.Process(t.Context(), r, eiptest.Message("x"))
	if !eip.IsInvalid(err) || !strings.Contains(err.Error(), `"big", "gift"`) {
		t.Errorf("got %v", err)
	}
	if len(r.Nested()) != 2 {
		t.Errorf("%d bodies, want those of the branches", len(r.Nested()))
	}
}

// Where one branch cannot tell, no later one takes the message.
func TestContentRouter_FailingExpressionEndsTheSearch(t *testing.T) {
	var later eiptest.Recorder
	r := &routing.ContentRouter{When: []*routing.When{
		{Label: "bad", If: eip.LiveOf[eip.Predicate](fails), Body: eip.Pipe{To: &later}},
		{Label: "good", If: eip.LiveOf(always(true)), Body: eip.Pipe{To: &later}},
	}}
	_, err := eiptest.Process(t.Context(), r, eiptest.Message("x"))
	if !errors.Is(err, errNotThere) || !strings.Contains(err.Error(), `when "bad"`) || len(later.Messages()) != 0 {
		t.Errorf("got %v, %d messages went on", err, len(later.Messages()))
	}
}

// A branch is a body: what fails in it is reported with the address there.
func TestContentRouter_BranchIsABody(t *testing.T) {
	var opened []string
	inner := &opener{opened: &opened}
	r := &routing.ContentRouter{When: []*routing.When{{Label: "a", If: eip.LiveOf(always(true)), Body: eip.Pipe{
		Stages: []eip.Stage{&eip.Named{Address: "f.content_router.a.inner", Stage: inner}}, To: eip.Discard}}},
		Otherwise: eip.Pipe{Stages: []eip.Stage{&eip.Named{Address: "f.content_router.otherwise.inner", Stage: inner}}, To: eip.Discard}}
	src := eiptest.NewTexts("x")
	var dead eiptest.Recorder
	f := &eip.Flow{Name: "f", Source: src, Stages: []eip.Stage{&eip.Named{Address: "f.content_router", Stage: r}}, DeadLetter: &dead}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	src.Check(t)
	if want := []string{"f.content_router.a.inner", "f.content_router.otherwise.inner"}; !slices.Equal(opened, want) {
		t.Errorf("opened %v, want %v", opened, want)
	}
	if got := dead.Messages(); len(got) != 1 || got[0].Headers[header.Stage] != "f.content_router.a.inner" {
		t.Errorf("dead letters %v", got)
	}
}

type opener struct{ opened *[]string }

func (o *opener) Open(_ context.Context, env *eip.Env) error {
	*o.opened = append(*o.opened, env.Address)
	return nil
}

func (o *opener) Process(context.Context, *eip.Message, eip.Handler) error {
	return eip.Permanent(errors.New("refused"))
}

func TestContentRouter_Validate(t *testing.T) {
	branch := func(label string) *routing.When {
		return &routing.When{Label: label, If: eip.LiveOf(always(true)), Body: eip.Pipe{To: eip.Discard}}
	}
	for name, when := range map[string][]*routing.When{
		"no branch":       nil,
		"no label":        {branch("")},
		"same label":      {branch("a"), branch("a")},
		"otherwise":       {branch("otherwise")},
		"no expression":   {{Label: "a", Body: eip.Pipe{To: eip.Discard}}},
		"nowhere to go":   {{Label: "a", If: eip.LiveOf(always(true))}},
		"second is wrong": {branch("a"), {Label: "b"}},
	} {
		if err := (&routing.ContentRouter{When: when}).Validate(); optionOf(err) != "when" {
			t.Errorf("%s: got %v, want an error of when", name, err)
		}
	}
	if err := (&routing.ContentRouter{When: []*routing.When{branch("a"), branch("b")}}).Validate(); err != nil {
		t.Error(err)
	}
}

// Whatever is replaced meanwhile, a message is tried with the expressions of one moment:
// here in each of them a branch takes it, but not so of two together.
func TestContentRouter_ExpressionsOfOneMoment(t *testing.T) {
	r := &routing.ContentRouter{When: []*routing.When{
		{Label: "first", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
		{Label: "second", If: eip.LiveOf(always(true)), Body: eip.Pipe{To: eip.Discard}},
	}}
	first, second := &r.When[0].If, &r.When[1].If
	stop := make(chan struct{})
	var setting, working sync.WaitGroup
	setting.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				first.Set(always(true))
				second.Set(always(false))
				second.Set(always(true))
				first.Set(always(false))
			}
		}
	})
	for range 4 {
		working.Go(func() {
			for range 20000 {
				if err := r.Process(t.Context(), eiptest.Message("m"), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	close(stop)
	setting.Wait()
	if c := r.Stats().Counts; c["first"] == 0 || c["second"] == 0 {
		t.Errorf("messages went %v", c)
	}
}

// A branch may go by the Format Indicator, alone or beside its expression, which is asked
// only for messages of that format.
func TestContentRouter_Format(t *testing.T) {
	fails := eip.Predicate(func(context.Context, *eip.Message) (bool, error) { return false, errors.New("asked") })
	r := &routing.ContentRouter{
		When: []*routing.When{
			{Label: "v1", Format: "order/v1", Body: eip.Pipe{To: eip.Discard}},
			{Label: "large v2", Format: "order/v2", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
			{Label: "v2", Format: "order/v2", If: eip.LiveOf(always(true)), Body: eip.Pipe{To: eip.Discard}},
			{Label: "v3", Format: "order/v3", If: eip.LiveOf(fails), Body: eip.Pipe{To: eip.Discard}},
		},
		Otherwise: eip.Pipe{To: eip.Discard},
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, format := range []any{"order/v1", "order/v2", "order/v2", nil, 1, "order/v9"} {
		if err := r.Process(t.Context(), eiptest.Message("m").WithHeader("eip-format", format), nil); err != nil {
			t.Errorf("%v: %v", format, err)
		}
	}
	if err := r.Process(t.Context(), eiptest.Message("m").WithHeader("eip-format", "order/v3"), nil); err == nil {
		t.Error("what its expression says is not heard")
	}
	if got := fmt.Sprint(r.Stats().Counts); got != "map[large v2:0 otherwise:3 v1:1 v2:2 v3:0]" {
		t.Error(got)
	}
}

func BenchmarkContentRouter(b *testing.B) {
	r := &routing.ContentRouter{When: []*routing.When{
		{Label: "a", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
		{Label: "b", If: eip.LiveOf(always(false)), Body: eip.Pipe{To: eip.Discard}},
		{Label: "c", If: eip.LiveOf(always(true)), Body: eip.Pipe{Stages: []eip.Stage{&routing.Filter{If: eip.LiveOf(always(true))}}, To: eip.Discard}},
	}}
	head, m := eip.Chain([]eip.Stage{r}, nil), eiptest.Message("x")
	b.ReportAllocs()
	for b.Loop() {
		if err := head.Handle(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
