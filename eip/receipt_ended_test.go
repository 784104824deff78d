package eip_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/settle"
)

// Who waits for a message to settle for good is told once, after its last attempt, and a
// dead letter is none that settled well.
func TestEnded_IsToldOnceOfTheLastAttempt(t *testing.T) {
	failed := errors.New("it failed")
	for name, c := range map[string]struct {
		fail func(attempt int) error
		ok   bool
		at   int // the attempt after which it is told
	}{
		"good":         {func(int) error { return nil }, true, 1},
		"good at last": {func(n int) error { return map[bool]error{true: failed}[n < 3] }, true, 3},
		"dead letter":  {func(int) error { return failed }, false, 3},
		"permanent":    {func(int) error { return eip.Permanent(failed) }, false, 1},
		"invalid":      {func(int) error { return eip.Invalid(failed) }, false, 1},
	} {
		for _, dead := range []eip.Handler{nil, eip.Discard} {
			t.Run(fmt.Sprint(name, " ", dead != nil), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var told []string
					attempts := 0
					f := &eip.Flow{Name: "f", Source: bodies("a"), DeadLetter: dead, To: eip.Discard, Stages: []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
						if attempts++; attempts == 1 {
							settle.Ended(m, func(end settle.End) { told = append(told, fmt.Sprint(end, attempts)) })
						}
						if err := c.fail(m.Attempt()); err != nil {
							return err
						}
						return next.Handle(ctx, m)
					})}}
					if err := f.Run(t.Context()); err != nil {
						t.Fatal(err)
					}
					end := settle.Done
					if !c.ok {
						end = map[bool]settle.End{true: settle.Failed, false: settle.Returned}[dead != nil]
					}
					if got, want := fmt.Sprint(told), fmt.Sprintf("[%s]", fmt.Sprint(end, c.at)); got != want {
						t.Errorf("told %s, want %s", got, want)
					}
				})
			})
		}
	}
	for _, err := range []error{nil, failed} {
		var told []settle.End
		m := eip.New(nil, nil)
		release := m.Hold()
		settle.Ended(m, func(end settle.End) { told = append(told, end) })
		eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return err }), m)
		if len(told) > 0 {
			t.Error("told while somebody holds it")
		}
		release(nil)
		if len(told) != 1 || (told[0] == settle.Done) != (err == nil) {
			t.Errorf("without a flow, and with the error %v: told %v", err, told)
		}
	}
}

func TestIdentity_IsThatOfCopies(t *testing.T) {
	m := eip.New(nil, nil)
	if settle.Identity(m) != settle.Identity(m.WithBody([]byte("x"))) || settle.Identity(m) == settle.Identity(m.Fork(nil)) {
		t.Error("copies settle together, forks apart")
	}
}

// heldBack holds what comes until the flow is to stop, and gives it back.
type heldBack struct {
	stopping <-chan struct{}
	held     chan struct{}
}

func (h *heldBack) Open(_ context.Context, env *eip.Env) error {
	h.stopping = env.Stopping
	return nil
}

func (h *heldBack) Process(_ context.Context, m *eip.Message, _ eip.Handler) error {
	release := m.Hold()
	go func() {
		<-h.stopping
		release(fmt.Errorf("it waited: %w", eip.ErrNotRunning))
	}()
	close(h.held)
	return nil
}

// What a stage gives back while the flow stops is neither tried again nor a dead letter.
func TestStopping_GivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heldBack{held: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		m := eip.New(nil, nil)
		var dead int
		f := &eip.Flow{Name: "f", Source: &oneMessage{m}, Stages: []eip.Stage{h}, To: eip.Discard, DeadLetter: eip.HandlerFunc(func(context.Context, *eip.Message) error {
			dead++
			return nil
		})}
		go func() { <-h.held; stop() }()
		began := time.Now()
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		if c, _ := f.Counts(); c.Returned != 1 || dead != 0 || time.Since(began) > 0 {
			t.Errorf("counts %+v, %d dead letters, after %v", c, dead, time.Since(began))
		}
	})
}

// oneMessage has one message, and does not end.
type oneMessage struct{ m *eip.Message }

func (s *oneMessage) Receive(ctx context.Context) (*eip.Message, error) {
	if m := s.m; m != nil {
		s.m = nil
		return m, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
