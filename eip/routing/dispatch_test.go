package routing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

// kind is the id that messages are dispatched by.
func kind(_ context.Context, m *eip.Message) (string, error) {
	if m.Type == "unreadable" {
		return "", errNotThere
	}
	return m.Type, nil
}

func typed(kind string) *eip.Message {
	return eiptest.Message(kind).With(func(m *eip.Message) { m.Type = kind })
}

func plugin(label string, to eip.Handler, stages ...eip.Stage) *routing.Plugin {
	return &routing.Plugin{Label: label, Body: eip.Pipe{Stages: stages, To: to}}
}

func ExampleDispatch() {
	say := func(what string) eip.Handler {
		return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			fmt.Printf("%s: %s\n", what, m.Body())
			return nil
		})
	}
	d := routing.NewDispatch()
	d.By = func(_ context.Context, m *eip.Message) (string, error) { return m.Type, nil }
	d.Plugin = []*routing.Plugin{
		{Label: "echo", Body: eip.Pipe{To: say("echoed")}},
		{Label: "resize", ID: "7d3f0c1e-5f0a-4a51-9a43-1d1f0f5f9c11", Body: eip.Pipe{To: say("resized")}},
	}
	d.Otherwise.To = say("nobody's")

	flow := eip.Chain([]eip.Stage{d}, nil)
	for _, id := range []string{"echo", "7d3f0c1e-5f0a-4a51-9a43-1d1f0f5f9c11", "resize"} {
		m := eip.New([]byte("a picture"), nil).With(func(m *eip.Message) { m.Type = id })
		eip.Deliver(context.Background(), flow, m)
	}
	// Output:
	// echoed: a picture
	// resized: a picture
	// nobody's: a picture
}

func TestDispatch_Contract(t *testing.T) {
	to := func(p *routing.Plugin, rest eip.Handler) eip.Stage {
		return &routing.Dispatch{By: kind, Plugin: []*routing.Plugin{plugin("other", eip.Discard), p}, Otherwise: eip.Pipe{To: rest}}
	}
	required := func(target eip.Handler) eip.Stage {
		p := plugin("a", target)
		p.Required = true
		return to(p, nil)
	}
	for name, c := range map[string]eiptest.StageCase{
		"plugin":    {New: func(target eip.Handler) eip.Stage { return to(plugin("a", target), eip.Discard) }},
		"required":  {New: required},
		"otherwise": {New: func(target eip.Handler) eip.Stage { return to(plugin("b", eip.Discard), target) }},
		"nobody's":  {New: func(target eip.Handler) eip.Stage { return to(plugin("b", target), nil) }, Outcome: eiptest.Rejects},
		"failing":   {New: required, Inputs: []*eip.Message{typed("unreadable")}, Outcome: eiptest.Rejects},
		"broken": {New: func(target eip.Handler) eip.Stage { return to(plugin("a", target, &openable{err: errLocked}), nil) },
			Outcome: eiptest.Fails},
	} {
		t.Run(name, func(t *testing.T) {
			if c.Inputs == nil {
				c.Inputs = []*eip.Message{typed("a")}
			}
			eiptest.Stage(t, c)
		})
	}
}

func TestDispatch_WhoGetsAMessage(t *testing.T) {
	var a, b, rest eiptest.Recorder
	second := plugin("b", &b)
	second.ID = "com.example/b 2"
	d := &routing.Dispatch{By: kind, Plugin: []*routing.Plugin{plugin("a", &a), second}, Otherwise: eip.Pipe{To: &rest}}
	for _, id := range []string{"a", "com.example/b 2", "b", "", "otherwise", "a"} {
		if passed, err := eiptest.Process(t.Context(), d, typed(id)); err != nil || passed != nil {
			t.Fatalf("%s: passed on %d, %v", id, len(passed), err)
		}
	}
	for want, got := range map[string]*eiptest.Recorder{"a,a": &a, "com.example/b 2": &b, "b,,otherwise": &rest} {
		if ids := strings.Join(got.Bodies(), ","); ids != want {
			t.Errorf("got %q, want %q", ids, want)
		}
	}
	if want := map[string]int64{"a": 2, "b": 1, "otherwise": 3}; !maps.Equal(d.Stats().Counts, want) {
		t.Errorf("counts %v, want %v", d.Stats().Counts, want)
	}
}

func TestDispatch_NobodysMessageIsInvalid(t *testing.T) {
	d := &routing.Dispatch{By: kind}
	for i := range 12 {
		d.Plugin = append(d.Plugin, plugin(fmt.Sprint("p", i), eip.Discard))
	}
	for id, want := range map[string]string{
		"resize":                 `there is no plugin "resize" and no otherwise; there are: "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", 2 more`,
		strings.Repeat("x", 1e6): `there is no plugin "` + strings.Repeat("x", 100) + `…" and no otherwise; there are: "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", 2 more`,
		"":                       "the message names no plugin, and there is no otherwise",
	} {
		if _, err := eiptest.Process(t.Context(), d, typed(id)); !eip.IsInvalid(err) || err.Error() != want {
			t.Errorf("%.20q: %v, want %s", id, err, want)
		}
	}
	if _, err := eiptest.Process(t.Context(), d, typed("unreadable")); !errors.Is(err, errNotThere) || !strings.HasPrefix(err.Error(), "by: ") {
		t.Errorf("got %v", err)
	}
	if d.Stats().Counts["otherwise"] != 0 || len(d.Nested()) != 12 {
		t.Errorf("%d bodies, counts %v", len(d.Nested()), d.Stats().Counts)
	}
}

func TestDispatch_Validate(t *testing.T) {
	withID := func(label, id string) *routing.Plugin {
		p := plugin(label, eip.Discard)
		p.ID = id
		return p
	}
	a := plugin("a", eip.Discard)
	for name, tt := range map[string]struct {
		plugins []*routing.Plugin
		says    string
	}{
		"no plugin":         {nil, "there is no plugin"},
		"no name":           {[]*routing.Plugin{withID("", "x")}, "has no name"},
		"same name":         {[]*routing.Plugin{a, withID("a", "x")}, `"a" is taken`},
		"otherwise":         {[]*routing.Plugin{plugin("otherwise", eip.Discard)}, `"otherwise" is taken`},
		"same id":           {[]*routing.Plugin{withID("a", "x"), withID("b", "x")}, `"a" and "b" have the same id`},
		"another one's id":  {[]*routing.Plugin{a, withID("b", "a")}, `"a" and "b" have the same id`},
		"nowhere to go":     {[]*routing.Plugin{a, plugin("b", nil)}, `"b" has neither stages`},
		"ids go round":      {[]*routing.Plugin{withID("a", "b"), withID("b", "a")}, ""},
		"an id of anything": {[]*routing.Plugin{a, withID("b", "otherwise")}, ""},
	} {
		err := (&routing.Dispatch{By: kind, Plugin: tt.plugins}).Validate()
		if tt.says == "" && err != nil || tt.says != "" && (optionOf(err) != "plugin" || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := (&routing.Dispatch{Plugin: []*routing.Plugin{a}}).Validate(); optionOf(err) != "by" {
		t.Errorf("without by: %v", err)
	}
}

var errLocked = errors.New("locked")

// openable is a stage that may not open, and may say that it does not work.
type openable struct {
	err            error
	panics         bool
	until          time.Time // when it opens all the same; zero: never
	trouble        atomic.Pointer[error]
	opened, closed atomic.Int64
}

func (o *openable) Open(_ context.Context, env *eip.Env) error {
	if o.err == nil || !o.until.IsZero() && !env.Clock.Now().Before(o.until) {
		o.opened.Add(1)
		return nil
	}
	if o.panics {
		panic(o.err)
	}
	return o.err
}

func (o *openable) Close(context.Context) error {
	o.closed.Add(1)
	return nil
}

func (o *openable) Trouble() error {
	if why := o.trouble.Load(); why != nil {
		return *why
	}
	return nil
}

func (*openable) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

func states(d *routing.Dispatch) string {
	var all []string
	for name, why := range d.Plugins() {
		all = append(all, fmt.Sprintf("%s: %v", name, why))
	}
	return strings.Join(all, "; ")
}

// A plugin that cannot be opened is left out, and comes up when it can.
func TestDispatch_PluginThatCannotBeOpened(t *testing.T) {
	for name, panics := range map[string]bool{"fails": false, "panics": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before, bad := &openable{}, &openable{err: eip.Permanent(errLocked), panics: panics, until: time.Now().Add(time.Minute)}
				var taken eiptest.Recorder
				named := func(address string, s eip.Stage) eip.Stage { return &eip.Named{Address: address, Stage: s} }
				d := &routing.Dispatch{By: kind, Plugin: []*routing.Plugin{plugin("good", &taken),
					plugin("bad", &taken, named("f.dispatch.bad.before", before), named("f.dispatch.bad.x", bad))}}
				in := make(chan *eip.Message)
				dead := eiptest.Recorder{}
				f := &eip.Flow{Name: "f", Source: channel(in), Stages: []eip.Stage{named("f.dispatch", d)}, DeadLetter: &dead,
					Retry: eip.Retry{Attempts: 1}}
				ended := make(chan error)
				go func() { ended <- f.Run(t.Context()) }()
				synctest.Wait()
				got := states(d)
				if want := "open f.dispatch.bad.x: locked"; !panics && got != "good: <nil>; bad: "+want || panics && !strings.Contains(got, "bad: panic: locked") {
					t.Errorf("states %s", got)
				}
				if before.opened.Load() != 1 || before.closed.Load() != 1 {
					t.Errorf("what was opened before was opened %d times, and closed %d times", before.opened.Load(), before.closed.Load())
				}
				if err := f.Trouble(); err != nil {
					t.Errorf("the flow's trouble is %v", err)
				}
				in <- typed("bad")
				in <- typed("good")
				synctest.Wait()
				letters := dead.Messages()
				if len(letters) != 1 || !strings.Contains(fmt.Sprint(letters[0].Headers), `the plugin "bad" does not work: `) || taken.Bodies()[0] != "good" {
					t.Errorf("dead letters %v, taken %v", letters, taken.Bodies())
				}
				time.Sleep(2 * time.Minute)
				if got := states(d); got != "good: <nil>; bad: <nil>" {
					t.Errorf("states %s", got)
				}
				in <- typed("bad")
				close(in)
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if got := taken.Bodies(); len(got) != 2 || got[1] != "bad" {
					t.Errorf("taken %v", got)
				}
				if bad.opened.Load() != 1 || bad.closed.Load() != 1 || before.opened.Load() != before.closed.Load() || states(d) != "" {
					t.Errorf("opened %d, closed %d; states %q", bad.opened.Load(), bad.closed.Load(), states(d))
				}
				if want := (map[string]int64{"good": 1, "bad": 2}); !maps.Equal(d.Stats().Counts, want) {
					t.Errorf("counts %v", d.Stats().Counts)
				}
			})
		})
	}
}

type channel chan *eip.Message

func (c channel) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m, ok := <-c:
		if !ok {
			return nil, io.EOF
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A flow that ends does not wait for a plugin that never opens.
func TestDispatch_ClosedWhileAPluginIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &openable{err: eip.Permanent(errLocked)}
		d := &routing.Dispatch{By: kind, Plugin: []*routing.Plugin{plugin("bad", eip.Discard, bad)}}
		for range 2 { // as a flow that is stopped and started
			if err := d.Open(t.Context(), eiptest.Env()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			if _, err := eiptest.Process(t.Context(), d, typed("bad")); err == nil || eip.IsPermanent(err) {
				t.Errorf("its message failed with %v, though it may work some day", err)
			}
			if err := d.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := bad.opened.Load(); n != 0 {
			t.Errorf("opened %d times", n)
		}
	})
}

// A required plugin fails the flow's start, and what does not work in it is the flow's
// trouble; what does not work in another is not.
func TestDispatch_Required(t *testing.T) {
	for _, required := range []bool{true, false} {
		bad := &openable{err: errLocked}
		p := plugin("bad", eip.Discard, bad)
		p.Required = required
		d := &routing.Dispatch{By: kind, Plugin: []*routing.Plugin{p}}
		f := &eip.Flow{Name: "f", Source: eiptest.NewTexts(), Stages: []eip.Stage{d}}
		if err := f.Run(t.Context()); required != errors.Is(err, errLocked) {
			t.Errorf("required %v: %v", required, err)
		}
		bad.err = nil
		f.Ready = func() {
			bad.trouble.Store(&errLocked)
			if err := f.Trouble(); required != (err != nil) {
				t.Errorf("required %v: the flow's trouble is %v", required, err)
			}
			if got := states(d); got != "bad: locked" {
				t.Errorf("required %v: states %s", required, got)
			}
		}
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// What plugins have gathered is sent when the flow's source has ended, whether the flow
// needs the plugin or not; one that does not work holds nothing up.
func TestDispatch_Finishes(t *testing.T) {
	for _, required := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			out := &eiptest.Recorder{}
			a := aggregator(t, func(a *routing.Aggregator) {
				a.Key = func(context.Context, *eip.Message) (any, error) { return "k", nil }
			})
			p := plugin("gathers", out, &eip.Named{Address: "f.gather", Stage: a})
			p.Required = required
			broken := aggregator(t, func(*routing.Aggregator) {})
			d := &routing.Dispatch{By: kind, Plugin: []*routing.Plugin{p, plugin("bad", out, &openable{err: errLocked}, broken)}}
			in := make(channel, 2)
			in <- typed("gathers")
			in <- typed("gathers")
			close(in)
			f := &eip.Flow{Name: "f", Source: in, Stages: []eip.Stage{d}}
			if err := f.Run(t.Context()); err != nil {
				t.Error(err)
			}
			if got := out.Bodies(); len(got) != 1 || got[0] != `["gathers","gathers"]` {
				t.Errorf("required %v: %v", required, got)
			}
		})
	}
}

// Whichever of how many plugins it is for, a message takes as long.
func BenchmarkDispatch(b *testing.B) {
	for _, plugins := range []int{1, 1000} {
		b.Run(fmt.Sprint(plugins), func(b *testing.B) {
			d := &routing.Dispatch{By: kind}
			for i := range plugins {
				d.Plugin = append(d.Plugin, plugin(fmt.Sprint("p", i), eip.Discard))
			}
			head, m := eip.Chain([]eip.Stage{d}, nil), typed(fmt.Sprint("p", plugins-1))
			b.ReportAllocs()
			for b.Loop() {
				if err := head.Handle(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
