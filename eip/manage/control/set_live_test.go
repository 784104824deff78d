package control_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

func init() { eip.Stages.Add("stamp", func() eip.Stage { return &stamp{Times: eip.LiveOf(1)} }) }

// stamp is a stage that knows nothing of the control bus but the type of its options.
type stamp struct {
	Text    eip.Live[eip.Text]      `flow:"text,required"`
	Times   eip.Live[int]           `flow:"times"`
	Pause   eip.Live[time.Duration] `flow:"pause"`
	Dynamic bool                    `flow:"dynamic"`
}

func (s *stamp) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	text, err := s.Text.Load()(ctx, m)
	if err != nil {
		return err
	}
	return next.Handle(ctx, m.WithHeader("marks", strings.Repeat(text, s.Times.Load())))
}

func TestSet_AnyLiveOption(t *testing.T) {
	p, in, out := run(t, `
flow "f" {
  from = adapter.in
  stamp {
    text    = "string(body.n)"
    pause   = "90s"
    dynamic = true
  }
  to = adapter.out
}
`)
	set := func(values args) { t.Helper(); do[any](t, p.client, "set", "f.stamp", values) }
	check := func(want string) {
		t.Helper()
		n := out.count()
		in.feed(t, `{"n": 7}`)
		out.await(t, n+1)
		if got := out.messages()[n].Headers["marks"]; got != want {
			t.Errorf("stamped %q, want %q", got, want)
		}
	}
	holds := func(want string) {
		t.Helper()
		if got := fmt.Sprint(do[control.Graph](t, p.client, "list", "f", nil).Flows[0].Stages[0].Settable); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	holds("map[pause:1m30s text:string(body.n) times:1]")
	check("7")
	set(args{"text": "'n' + string(body.n)", "times": 2, "pause": "2s"})
	holds("map[pause:2s text:'n' + string(body.n) times:2]")
	check("n7n7")
	for name, wrong := range map[string]any{"text": "body.", "times": 1.5, "pause": "soon", "dynamic": false} {
		refused(t, p.client, control.BadArgs, "set", "f.stamp", args{"text": "'x'", name: wrong})
	}
	set(args{"text": "string(body.n)", "times": "3"})
	check("777")
}
