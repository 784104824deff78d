package routing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

func balancer(to []eip.Target, s routing.Strategy) *routing.LoadBalancer {
	b := routing.NewLoadBalancer()
	b.To, b.Strategy = to, s
	switch s {
	case routing.Sticky:
		b.Key = func(_ context.Context, m *eip.Message) (string, error) { return string(m.Body()), nil }
	case routing.Weighted:
		for i := range to {
			b.Weights = append(b.Weights, fmt.Sprint(5-2*i))
		}
	}
	return b
}

func TestLoadBalancer_KeepsTheContract(t *testing.T) {
	inputs := []*eip.Message{eiptest.Message("a"), eiptest.Message("b"), eiptest.Message("c")}
	for _, s := range routing.Strategy("").Options() {
		t.Run(s, func(t *testing.T) {
			eiptest.Stage(t, eiptest.StageCase{Inputs: inputs, New: func(to eip.Handler) eip.Stage {
				return balancer(targets(to, "queue.a", "queue.b", "queue.c"), routing.Strategy(s))
			}})
		})
	}
	eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Rejects, Inputs: []*eip.Message{eiptest.Message("")}, New: func(to eip.Handler) eip.Stage {
		return balancer(targets(to, "queue.a", "queue.b"), routing.Sticky)
	}})
}

// route is where messages with these bodies go.
func route(t *testing.T, b *routing.LoadBalancer, bodies ...string) (went []string) {
	t.Helper()
	if err := b.Validate(); err != nil {
		t.Fatal(err)
	}
	for i := range b.To {
		to := &b.To[i]
		refuses := to.Handler
		to.Handler = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			if err := refuses.Handle(ctx, m); err != nil {
				return err
			}
			went = append(went, to.Name)
			return nil
		})
	}
	for _, body := range bodies {
		if err := b.Process(t.Context(), eiptest.Message(body), nil); err != nil {
			went = append(went, err.Error())
		}
	}
	return went
}

func TestLoadBalancer_Strategies(t *testing.T) {
	many := make([]string, 9)
	for s, want := range map[routing.Strategy]string{
		routing.RoundRobin: "[a b c a b c a b c]",
		routing.Weighted:   "[a b a c a b a b a]", // 5, 3 and 1
		routing.Failover:   "[a a a a a a a a a]",
	} {
		b := balancer(targets(eip.Discard, "a", "b", "c"), s)
		if got := fmt.Sprint(route(t, b, many...)); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
		total := int64(0)
		for _, n := range b.Stats().Counts {
			total += n
		}
		if total != 9 {
			t.Errorf("%s: %v", s, b.Stats().Counts)
		}
	}
	none := balancer(targets(eip.Discard, "a", "b", "c"), routing.Weighted)
	none.Weights = []string{"0", "1", "0"}
	if got := fmt.Sprint(route(t, none, many[:3]...)); got != "[b b b]" {
		t.Error(got)
	}
}

// A key stays where it is, and of all keys only those move that must when a place goes.
func TestLoadBalancer_Sticky(t *testing.T) {
	var keys []string
	for i := range 3000 {
		keys = append(keys, fmt.Sprint("customer ", i))
	}
	three := route(t, balancer(targets(eip.Discard, "queue.a", "queue.b", "queue.c"), routing.Sticky), keys...)
	again := route(t, balancer(targets(eip.Discard, "queue.c", "queue.a", "queue.b"), routing.Sticky), keys...)
	two := route(t, balancer(targets(eip.Discard, "queue.a", "queue.b"), routing.Sticky), keys...)
	counts := map[string]int{}
	for i := range keys {
		counts[three[i]]++
		if three[i] != again[i] {
			t.Fatalf("%s goes to %s, and in another order to %s", keys[i], three[i], again[i])
		}
		if three[i] != "queue.c" && three[i] != two[i] {
			t.Fatalf("%s moved from %s to %s, which it need not", keys[i], three[i], two[i])
		}
	}
	for _, name := range []string{"queue.a", "queue.b", "queue.c"} {
		if counts[name] < 800 || counts[name] > 1200 {
			t.Errorf("%v", counts)
		}
	}
}

func TestLoadBalancer_Failover(t *testing.T) {
	refuse := func(err error) eip.Handler {
		return eip.HandlerFunc(func(context.Context, *eip.Message) error { return err })
	}
	away, busy := errors.New("away"), errors.New("busy")
	for want, errs := range map[string][]error{
		"[c]":          {away, busy, nil},
		"[b]":          {away, nil, busy},
		"[away\nbusy]": {away, busy},
		"[away]":       {eip.Permanent(away), nil},
		"[busy]":       {eip.Invalid(busy), nil},
	} {
		var to []eip.Target
		for i, err := range errs {
			to = append(to, eip.Target{Name: string(rune('a' + i)), Handler: refuse(err)})
		}
		if got := fmt.Sprint(route(t, balancer(to, routing.Failover), "m")); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLoadBalancer_Validate(t *testing.T) {
	two := func(s routing.Strategy, set func(*routing.LoadBalancer)) *routing.LoadBalancer {
		b := balancer(targets(eip.Discard, "a", "b"), s)
		set(b)
		return b
	}
	for name, c := range map[string]struct {
		stage  *routing.LoadBalancer
		option string
	}{
		"one place": {balancer(targets(eip.Discard, "a"), routing.RoundRobin), "to"},
		"no key":    {two(routing.Sticky, func(b *routing.LoadBalancer) { b.Key = nil }), "key"},
		"a key": {two(routing.RoundRobin, func(b *routing.LoadBalancer) {
			b.Key = func(context.Context, *eip.Message) (string, error) { return "", nil }
		}), "key"},
		"too few":        {two(routing.Weighted, func(b *routing.LoadBalancer) { b.Weights = []string{"1"} }), "weights"},
		"no numbers":     {two(routing.Weighted, func(b *routing.LoadBalancer) { b.Weights = []string{"1", "x"} }), "weights"},
		"negative":       {two(routing.Weighted, func(b *routing.LoadBalancer) { b.Weights = []string{"1", "-1"} }), "weights"},
		"nothing at all": {two(routing.Weighted, func(b *routing.LoadBalancer) { b.Weights = []string{"0", "0"} }), "weights"},
		"weights":        {two(routing.RoundRobin, func(b *routing.LoadBalancer) { b.Weights = []string{"1", "1"} }), "weights"},
	} {
		if err := c.stage.Validate(); optionOf(err) != c.option {
			t.Errorf("%s: %v", name, err)
		}
	}
}
