package eip_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

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
							settle.Ended(m, func(ok bool) { told = append(told, fmt.Sprint(ok, attempts)) })
						}
						if err := c.fail(m.Attempt()); err != nil {
							return err
						}
						return next.Handle(ctx, m)
					})}}
					if err := f.Run(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got, want := fmt.Sprint(told), fmt.Sprintf("[%s]", fmt.Sprint(c.ok, c.at)); got != want {
						t.Errorf("told %s, want %s", got, want)
					}
				})
			})
		}
	}
	for _, err := range []error{nil, failed} {
		var told []bool
		m := eip.New(nil, nil)
		release := m.Hold()
		settle.Ended(m, func(ok bool) { told = append(told, ok) })
		eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return err }), m)
		if len(told) > 0 {
			t.Error("told while somebody holds it")
		}
		release(nil)
		if len(told) != 1 || told[0] != (err == nil) {
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
