package eiptest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func passOn(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) }

// good are stages that keep the contract, each in its own way.
var good = map[string]eiptest.StageCase{
	"passes on": {New: func(eip.Handler) eip.Stage { return eip.StageFunc(passOn) }},
	"sends to a target": {New: func(target eip.Handler) eip.Stage {
		return &eip.Pipe{Stages: []eip.Stage{eip.StageFunc(passOn)}, To: target}
	}},
	"sends twice": {Sends: 2, New: func(target eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return errors.Join(target.Handle(ctx, m), next.Handle(ctx, m))
		})
	}},
	"waits for the target": {New: func(target eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, _ eip.Handler) error {
			return eip.Await(ctx, target, m)
		})
	}},
	"drops": {Outcome: eiptest.Drops, New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { return nil })
	}},
	"rejects": {Outcome: eiptest.Rejects, New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { return eip.Invalid(errors.New("odd")) })
	}},
	"fails": {Outcome: eiptest.Fails, New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { panic("boom") })
	}},
	"contains": {Outcome: eiptest.Contains, New: func(target eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, _ eip.Handler) error {
			eip.Deliver(ctx, target, m.Fork(nil))
			return nil
		})
	}},
	"delays by a goroutine of its own": {New: func(eip.Handler) eip.Stage { return &delayer{} }},
}

func TestStage_AcceptsWhatKeepsTheContract(t *testing.T) {
	for name, c := range good {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// delayer passes messages on a second later, from a goroutine.
type delayer struct {
	in   chan func()
	done sync.WaitGroup
}

func (d *delayer) Open(context.Context, *eip.Env) error {
	d.in = make(chan func(), 100)
	d.done.Go(func() {
		for pass := range d.in {
			time.Sleep(time.Second)
			pass()
		}
	})
	return nil
}

func (d *delayer) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	release := m.Hold()
	d.in <- func() { release(eip.Await(ctx, next, m)) }
	return nil
}

func (d *delayer) Close(context.Context) error {
	close(d.in)
	d.done.Wait()
	return nil
}

// bad are stages that break the contract, and what the suite says of each.
var bad = map[string]struct {
	want string
	eiptest.StageCase
}{
	"swallows": {"settled with <nil>, which hides", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			next.Handle(ctx, m)
			return nil
		})
	}}},
	"hides the cause": {"which hides", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			if next.Handle(ctx, m) != nil {
				return errors.New("something went wrong")
			}
			return nil
		})
	}}},
	"makes failures permanent": {"of another kind", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return eip.Permanent(next.Handle(ctx, m))
		})
	}}},
	"changes a header": {"it was changed", eiptest.StageCase{
		Inputs: []*eip.Message{eiptest.Message("x").WithHeader("n", 1)},
		New: func(eip.Handler) eip.Stage {
			return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				m.Headers["n"] = 2
				return next.Handle(ctx, m)
			})
		}}},
	"changes the body": {"its body was changed", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			m.Body()[0] = '!'
			return next.Handle(ctx, m)
		})
	}}},
	"settles before its target": {"settled while a handler held it", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			eip.Deliver(ctx, next, m.Fork(nil))
			return nil
		})
	}}},
	"never settles": {"settled 0 times", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(_ context.Context, m *eip.Message, _ eip.Handler) error {
			m.Hold()
			return nil
		})
	}}},
	"hands on twice": {"handed on 2 messages, want 1", eiptest.StageCase{New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return errors.Join(next.Handle(ctx, m), next.Handle(ctx, m))
		})
	}}},
	"does not drop": {"want none", eiptest.StageCase{Outcome: eiptest.Drops, New: func(eip.Handler) eip.Stage {
		return eip.StageFunc(passOn)
	}}},
	"goes on after its end": {"says that it ends", eiptest.StageCase{New: func(eip.Handler) eip.Stage { return ender{} }}},
	"leaves a goroutine":    {"left goroutines behind", eiptest.StageCase{New: func(eip.Handler) eip.Stage { return &leaver{} }}},
	"cannot be reopened":    {"open test.stage: opened twice", eiptest.StageCase{New: func(eip.Handler) eip.Stage { return &once{} }}},
}

type ender struct{}

func (ender) Ends() (last, passes bool) { return true, false }
func (ender) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

type leaver struct{}

func (*leaver) Open(context.Context, *eip.Env) error {
	go func() { time.Sleep(24 * time.Hour) }()
	return nil
}
func (*leaver) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

type once struct{ opened bool }

func (s *once) Open(context.Context, *eip.Env) error {
	if s.opened {
		return errors.New("opened twice")
	}
	s.opened = true
	return nil
}
func (s *once) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

// TestStage_CatchesWhatBreaksTheContract runs the suite in another process, as
// the suite must fail there.
func TestStage_CatchesWhatBreaksTheContract(t *testing.T) {
	const which = "EIPTEST_BAD_STAGE"
	if name := os.Getenv(which); name != "" {
		eiptest.Stage(t, bad[name].StageCase)
		return
	}
	for name, b := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestStage_CatchesWhatBreaksTheContract$")
			cmd.Env = append(os.Environ(), which+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("the suite passed it")
			}
			if !strings.Contains(string(out), b.want) {
				t.Errorf("the suite does not say %q:\n%s", b.want, out)
			}
		})
	}
}
