package eip_test

import (
	"context"
	"testing"

	"github.com/eipd/eipd/eip"
)

// answers passes on, and may be the last of a body all the same.
type answers struct{ ends bool }

func (a *answers) Ends() (last, passes bool) { return a.ends, false }

func (a *answers) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

func TestChain_EndsWithAnEnderOrToOnly(t *testing.T) {
	ender, passer := &answers{true}, &answers{false}
	tests := map[string]struct {
		stages []eip.Stage
		next   eip.Handler
		falls  bool
	}{
		"an ender":               {stages: []eip.Stage{passer, ender}},
		"a named ender":          {stages: []eip.Stage{&eip.Named{Address: "f.a", Stage: ender}}},
		"no ender":               {stages: []eip.Stage{ender, passer}, falls: true},
		"nothing":                {falls: true},
		"no ender but a handler": {stages: []eip.Stage{passer}, next: eip.Discard},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			handlers := map[string]eip.Handler{
				"chain": eip.Chain(tt.stages, tt.next),
				"pipe": eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
					return (&eip.Pipe{Stages: tt.stages}).Process(ctx, m, tt.next)
				}),
			}
			for kind, h := range handlers {
				if err := h.Handle(t.Context(), eip.New(nil, nil)); (err != nil) != tt.falls {
					t.Errorf("%s: error %v, want one: %v", kind, err, tt.falls)
				}
			}
		})
	}
}

// What follows a pipe may differ from call to call.
func TestPipe_HandsToTheNextOfEachCall(t *testing.T) {
	p := &eip.Pipe{Stages: []eip.Stage{&answers{true}}}
	follow := func(r *recorder) eip.Handler { // the next that a chain gives
		var got eip.Handler
		h := eip.Chain([]eip.Stage{eip.StageFunc(func(_ context.Context, _ *eip.Message, next eip.Handler) error {
			got = next
			return nil
		})}, r)
		h.Handle(t.Context(), eip.New(nil, nil))
		return got
	}
	var a, b, c recorder
	for _, next := range []eip.Handler{follow(&a), follow(&b), nil, eip.Discard, &c, follow(&a)} {
		if err := p.Process(t.Context(), eip.New([]byte("x"), nil), next); err != nil {
			t.Error(err)
		}
	}
	if len(a.bodies) != 2 || len(b.bodies) != 1 || len(c.bodies) != 1 {
		t.Errorf("a got %v, b %v, c %v", a.bodies, b.bodies, c.bodies)
	}
}
