package eip_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// maker makes a message of its own for each that it absorbs, and one at the end.
type maker struct {
	env     *eip.Env
	settled func(error)
	pending sync.WaitGroup
}

func (k *maker) Open(_ context.Context, env *eip.Env) error { k.env = env; return nil }
func (k *maker) Close(context.Context) error                { k.pending.Wait(); return nil }

func (k *maker) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	m.Absorb()
	release := m.Hold()
	k.pending.Go(func() { release(k.make(ctx, "made of "+string(m.Body()))) })
	return nil
}

func (k *maker) Finish(ctx context.Context) error { return k.make(ctx, "the end") }

func (k *maker) make(ctx context.Context, body string) error {
	return k.env.Make(ctx, eip.New([]byte(body), k.settled))
}

// branch gives all to its body.
type branch struct{ body eip.Pipe }

func (b *branch) Nested() []*eip.Pipe { return []*eip.Pipe{&b.body} }
func (b *branch) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return b.body.Process(ctx, m, next)
}

func TestMake_GoesToWhatFollows(t *testing.T) {
	passing := func(log *texts, name string) eip.Stage {
		return &eip.Named{Address: "f." + name, Stage: eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			log.add(name + ": " + string(m.Body()))
			return next.Handle(ctx, m)
		})}
	}
	named := func(s eip.Stage) eip.Stage { return &eip.Named{Address: "f.maker", Stage: s} }
	for name, stages := range map[string]func(log *texts, k eip.Stage) []eip.Stage{
		"between stages": func(log *texts, k eip.Stage) []eip.Stage { return []eip.Stage{k, passing(log, "after")} },
		"within a body": func(log *texts, k eip.Stage) []eip.Stage {
			return []eip.Stage{&branch{eip.Pipe{Stages: []eip.Stage{k}}}, passing(log, "after")}
		},
		"deep in a body": func(log *texts, k eip.Stage) []eip.Stage {
			return []eip.Stage{&branch{eip.Pipe{Stages: []eip.Stage{&branch{eip.Pipe{Stages: []eip.Stage{k, passing(log, "after")}}}}}}}
		},
		"in a closed body": func(log *texts, k eip.Stage) []eip.Stage {
			return []eip.Stage{&branch{eip.Pipe{Stages: []eip.Stage{k, passing(log, "after")}, To: eip.HandlerFunc(func(context.Context, *eip.Message) error { log.add("to"); return nil })}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log texts
			k := &maker{}
			f := &eip.Flow{Name: "f", Source: bodies("a", "b"), Stages: stages(&log, named(k)), To: eip.HandlerFunc(func(context.Context, *eip.Message) error {
				log.add("to")
				return nil
			})}
			if err := f.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if log.all[len(log.all)-2] != "after: the end" {
				t.Errorf("it ended with %v", log.all)
			}
			slices.Sort(log.all)
			if got, want := fmt.Sprint(log.all), "[after: made of a after: made of b after: the end to to to]"; got != want {
				t.Errorf("came %s, want %s", got, want)
			}
			c, _ := f.Counts()
			if c.Received != 2 || c.Absorbed != 2 || c.Made != 3 || c.Sent != 3 || c.InFlight != 0 {
				t.Errorf("counts: %+v", c)
			}
		})
	}
}

// What is made is a message like any other: it is tried again, and becomes a dead letter.
func TestMake_IsRetriedAndDeadLettered(t *testing.T) {
	var log texts
	settled := make(chan error, 2)
	k := &maker{settled: func(err error) { settled <- err }}
	f := &eip.Flow{Name: "f", Source: bodies("a"), Stages: []eip.Stage{&eip.Named{Address: "f.maker", Stage: k}}, Retry: eip.Retry{Attempts: 2, Delay: 1},
		To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			log.add(fmt.Sprint(m.Attempt()))
			return errors.New("no")
		}),
		DeadLetter: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { log.add("dead " + string(m.Body())); return nil })}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(log.all), "[1 2 dead made of a 1 2 dead the end]"; got != want {
		t.Errorf("came %s, want %s", got, want)
	}
	for range 2 {
		if err := <-settled; err != nil {
			t.Errorf("settled with %v, and is a dead letter", err)
		}
	}
	c, _ := f.Counts()
	if c.DeadLettered != 2 || c.Absorbed != 1 || c.InFlight != 0 {
		t.Errorf("counts: %+v", c)
	}
}

func TestMake_OutsideOfARun(t *testing.T) {
	k := &maker{settled: func(error) {}}
	f := &eip.Flow{Name: "f", Source: bodies(), Stages: []eip.Stage{k}, To: eip.Discard}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.make(t.Context(), "late"); !errors.Is(err, eip.ErrNotRunning) {
		t.Errorf("made after the end: %v", err)
	}
}

// texts is safe for concurrent use.
type texts struct {
	mu  sync.Mutex
	all []string
}

func (l *texts) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

// bodies is a source that ends.
func bodies(all ...string) eip.Source {
	return receiveFunc(func(context.Context) (*eip.Message, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		m := eip.New([]byte(all[0]), nil)
		all = all[1:]
		return m, nil
	})
}

// late waits, at the end, for what does not come.
type late struct{ called chan struct{} }

func (*late) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}
func (*late) Close(context.Context) error { return nil }
func (l *late) Finish(ctx context.Context) error {
	close(l.called)
	<-ctx.Done()
	return ctx.Err()
}

func TestFinish_EndsWhenTheFlowIsToStop(t *testing.T) {
	l := &late{make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { <-l.called; stop() }()
	f := &eip.Flow{Name: "f", Source: bodies("a"), Stages: []eip.Stage{l}, To: eip.Discard, Grace: time.Hour}
	if err := f.Run(ctx); err != nil {
		t.Error(err)
	}
}

// failer has messages of its own fail.
type failer struct {
	maker
	with error
}

func (k *failer) Finish(ctx context.Context) error {
	return k.env.Fail(ctx, eip.New([]byte("own"), k.settled), k.with)
}

// What fails by itself is not tried, and goes to where such messages go.
func TestFail_GoesWhereWhatFailedGoes(t *testing.T) {
	for name, c := range map[string]struct {
		with error
		want string
	}{
		"a dead letter": {errors.New("no"), "dead own failed f.maker: no"},
		"invalid":       {eip.Invalid(errors.New("no")), "invalid own invalid f.maker: no"},
	} {
		t.Run(name, func(t *testing.T) {
			var log texts
			to := func(where string) eip.Handler {
				return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
					log.add(fmt.Sprint(where, " ", string(m.Body()), " ", m.Headers[header.Reason], " ", m.Headers[header.Error]))
					return nil
				})
			}
			settled := make(chan error, 1)
			stage := &eip.Named{Address: "f.maker", Stage: &failer{maker{settled: func(err error) { settled <- err }}, c.with}}
			f := &eip.Flow{Name: "f", Source: bodies(), Stages: []eip.Stage{stage}, To: to("sent"), DeadLetter: to("dead"), Invalid: to("invalid")}
			if err := f.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-settled; err != nil || fmt.Sprint(log.all) != "["+c.want+"]" {
				t.Errorf("settled with %v: %v, want %s", err, log.all, c.want)
			}
			flow, _ := f.Counts()
			at, _ := stage.Counts()
			for where, n := range map[string]stats.Counts{"flow": flow, "stage": at} {
				if n.Made != 1 || n.Failed != 1 || n.Sent != 0 || n.InFlight != 0 {
					t.Errorf("the %s counts %+v", where, n)
				}
			}
		})
	}
}

// parter makes forks of its messages within Process, and waits there until they have settled.
type parter struct {
	env *eip.Env
	n   int
}

func (p *parter) Open(_ context.Context, env *eip.Env) error { p.env = env; return nil }

func (p *parter) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	m.Absorb()
	settled := make(chan error, p.n)
	var all error
	for i := range p.n {
		part := m.Fork(func(err error) { settled <- err }).WithBody(fmt.Appendf(nil, "%s%d", m.Body(), i+1))
		if err := p.env.Make(ctx, part); err != nil {
			return err
		}
	}
	for range p.n {
		select {
		case err := <-settled:
			all = errors.Join(all, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return all
}

// Parts are tried again, and become dead letters, while their whole has its lane.
func TestMake_OfPartsWithinProcess(t *testing.T) {
	for name, f := range map[string]*eip.Flow{
		"one lane":       {},
		"several lanes":  {Concurrency: 4},
		"lanes by key":   {Concurrency: 4, OrderBy: func(context.Context, *eip.Message) (string, error) { return "k", nil }},
		"in order":       {Retry: eip.Retry{Ordered: true}},
		"with a history": {History: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out, dead texts
				inner := &parter{n: 2}
				f.Name, f.Source = "f", bodies("a", "b")
				f.Stages = []eip.Stage{&eip.Named{Address: "f.outer", Stage: &parter{n: 2}}, &branch{eip.Pipe{Stages: []eip.Stage{&eip.Named{Address: "f.inner", Stage: inner}}}}}
				f.To = eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
					switch body := string(m.Body()); {
					case body == "a12" && m.Attempt() < 3, body == "b21":
						return errors.New("no")
					default:
						if h, _ := m.Headers[header.History].([]any); f.History && len(h) != 3 {
							t.Errorf("the history of %s is %v", body, h)
						}
						out.add(body)
						return nil
					}
				})
				f.DeadLetter = eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { dead.add(string(m.Body())); return nil })
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				slices.Sort(out.all)
				if got := fmt.Sprint(out.all, dead.all); got != "[a11 a12 a21 a22 b11 b12 b22] [b21]" {
					t.Errorf("sent and dead: %s", got)
				}
				c, _ := f.Counts()
				if c.Received != 2 || c.Made != 12 || c.Absorbed != 6 || c.Sent != 7 || c.DeadLettered != 1 || c.InFlight != 0 {
					t.Errorf("counts: %+v", c)
				}
			})
		})
	}
}

// A flow that is to stop finishes what it has in hand, all of its parts.
func TestMake_OfPartsWhileTheFlowStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out texts
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		settled := make(chan error, 1)
		given := false
		source := receiveFunc(func(ctx context.Context) (*eip.Message, error) {
			if given {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			given = true
			return eip.New([]byte("a"), func(err error) { settled <- err }), nil
		})
		f := &eip.Flow{Name: "f", Source: source, Stages: []eip.Stage{&parter{n: 3}}, Concurrency: 2, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			if out.add(string(m.Body())); string(m.Body()) == "a1" {
				stop()
				time.Sleep(time.Second) // by now the flow knows
			}
			return nil
		})}
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if err := <-settled; err != nil || fmt.Sprint(out.all) != "[a1 a2 a3]" {
			t.Errorf("came %v, settled with %v", out.all, err)
		}
	})
}

// A run that stays finishes when its source has ended, and ends with its context.
func TestFinish_OfARunThatStays(t *testing.T) {
	var log texts
	finished := make(chan struct{})
	k := &maker{settled: func(error) { log.add("settled") }}
	f := &eip.Flow{Name: "f", Source: bodies("a"), Stages: []eip.Stage{k}, Stays: true, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		if string(m.Body()) == "the end" {
			close(finished)
		}
		return nil
	})}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := make(chan error)
	go func() { ran <- f.Run(ctx) }()
	<-finished
	for !f.Finished() {
		time.Sleep(time.Millisecond)
	}
	if err := k.make(t.Context(), "later"); err != nil {
		t.Errorf("make after the end: %v", err)
	}
	stop()
	if err := <-ran; err != nil || len(log.all) != 3 || !f.Finished() {
		t.Errorf("it ended with %v: %v", err, log.all)
	}
}

// outlet makes messages that go elsewhere than to what follows.
type outlet struct {
	maker
	out eip.Handler
}

func (o *outlet) Outlet() eip.Handler { return o.out }

// What leaves by a stage's own way out is retried and dead-lettered there, is counted, and is
// replayed there; no order_by is asked for it.
func TestMake_GoesToTheOutlet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log texts
		fails := 3
		o := &outlet{out: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			if fails--; fails >= 0 {
				return errors.New("away")
			}
			log.add("out: " + string(m.Body()))
			return nil
		})}
		to := func(name string) eip.Handler {
			return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				log.add(fmt.Sprintf("%s: %s %v", name, m.Body(), m.Headers[header.After]))
				return nil
			})
		}
		in := make(chan *eip.Message)
		f := &eip.Flow{Name: "f", Source: receiveFunc(func(ctx context.Context) (*eip.Message, error) {
			select {
			case m, ok := <-in:
				if !ok {
					return nil, io.EOF
				}
				return m, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}), Stages: []eip.Stage{&eip.Named{Address: "f.maker", Stage: o}}, To: to("after"), DeadLetter: to("dead"), Retry: eip.Retry{Attempts: 2},
			Concurrency: 2, OrderBy: func(_ context.Context, m *eip.Message) (string, error) {
				if string(m.Body()) != "1" {
					return "", eip.Invalid(errors.New("of no order"))
				}
				return "one", nil
			}}
		done := make(chan error)
		go func() { done <- f.Run(t.Context()) }()
		in <- eip.New([]byte("1"), nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := strings.Join(log.all, " | "), "dead: made of 1 f.maker"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		fails = 0
		if err := f.Replay(eip.New([]byte("again"), nil).WithHeader(header.After, "f.maker"), nil); err != nil {
			t.Error(err)
		}
		close(in)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, want := strings.Join(log.all, " | "), "dead: made of 1 f.maker | out: again | out: the end"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
