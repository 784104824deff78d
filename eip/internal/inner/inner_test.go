package inner_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/internal/inner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errNo = errors.New("no")

// later passes messages on when it is told; it holds them until then.
type later struct{ told, done chan struct{} }

func newLater() *later { return &later{make(chan struct{}), make(chan struct{})} }

func (l *later) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	release := m.Hold()
	go func() {
		defer close(l.done)
		<-l.told
		release(next.Handle(ctx, m))
	}()
	return nil
}

// Each way of a body is tried with a copy and with the message itself.
func TestBody(t *testing.T) {
	type step = eip.StageFunc
	pass := step(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody(append(m.Body(), '!')))
	})
	ways := map[string]struct {
		stages  []eip.Stage
		out     string
		says    string
		invalid bool
	}{
		"passes":        {stages: []eip.Stage{pass, pass}, out: "m!!"},
		"without stage": {out: "m"},
		"ends":          {stages: []eip.Stage{pass, step(func(context.Context, *eip.Message, eip.Handler) error { return nil })}},
		"fails":         {stages: []eip.Stage{step(func(context.Context, *eip.Message, eip.Handler) error { return errNo })}, says: "no"},
		"fails afterwards": {stages: []eip.Stage{step(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return errors.Join(next.Handle(ctx, m), errNo)
		})}, says: "no"},
		"panics": {stages: []eip.Stage{step(func(context.Context, *eip.Message, eip.Handler) error { panic("!") })}, says: "panic: !"},
		"twice": {stages: []eip.Stage{step(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			_ = next.Handle(ctx, m)
			_ = next.Handle(ctx, m) // it does not mind
			return nil
		})}, says: "two messages have come of one", invalid: true},
		"another one": {stages: []eip.Stage{step(func(ctx context.Context, _ *eip.Message, next eip.Handler) error {
			eip.Deliver(ctx, next, eip.New([]byte("x"), nil))
			return nil
		})}, says: "a message has come that a stage made", invalid: true},
		"a fork": {stages: []eip.Stage{step(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			eip.Deliver(ctx, next, m.Fork(nil))
			return nil
		})}, says: "a message has come that a stage made", invalid: true},
		"where nobody waits": {stages: []eip.Stage{step(func(_ context.Context, m *eip.Message, next eip.Handler) error {
			return next.Handle(context.Background(), m)
		})}, says: "where nobody waits for it", invalid: true},
	}
	for how, run := range map[string]func(context.Context, *eip.Pipe, *eip.Message) (*eip.Message, error){"itself": inner.Pass, "a copy": inner.Ask} {
		for name, w := range ways {
			out, err := run(t.Context(), &eip.Pipe{Stages: w.stages}, eip.New([]byte("m"), nil))
			switch {
			case w.says != "":
				if err == nil || out != nil || !strings.Contains(err.Error(), w.says) || eip.IsInvalid(err) != w.invalid {
					t.Errorf("%s, %s: %v, %v", name, how, out, err)
				}
			case err != nil, (out == nil) != (w.out == ""), out != nil && string(out.Body()) != w.out:
				t.Errorf("%s, %s: %v, %v", name, how, out, err)
			}
		}
	}
}

// A copy that a stage holds is waited for; a message that comes out late fails.
func TestBody_Later(t *testing.T) {
	l := newLater()
	close(l.told)
	out, err := inner.Ask(t.Context(), &eip.Pipe{Stages: []eip.Stage{l}}, eiptest.Message("m"))
	if err != nil || out == nil || string(out.Body()) != "m" {
		t.Error(out, err)
	}
	l = newLater()
	settled := make(chan error, 1)
	eip.Deliver(t.Context(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		if out, err := inner.Pass(ctx, &eip.Pipe{Stages: []eip.Stage{l}}, m); out != nil || err != nil {
			t.Error(out, err)
		}
		close(l.told)
		return nil
	}), eip.New([]byte("m"), func(err error) { settled <- err }))
	if err := <-settled; err == nil || eip.IsPermanent(err) {
		t.Errorf("it settled with %v, and must be tried again", err)
	}
	<-l.done
}

// What a copy's stages do with it is nothing to the message.
func TestBody_Copy(t *testing.T) {
	settled := make(chan error, 1)
	drop := eip.StageFunc(func(_ context.Context, m *eip.Message, _ eip.Handler) error { return errNo })
	eip.Deliver(t.Context(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		if _, err := inner.Ask(ctx, &eip.Pipe{Stages: []eip.Stage{drop}}, m); !errors.Is(err, errNo) {
			t.Error(err)
		}
		return nil
	}), eip.New([]byte("m"), func(err error) { settled <- err }))
	if err := <-settled; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	held := eip.StageFunc(func(_ context.Context, m *eip.Message, _ eip.Handler) error {
		m.Hold()
		cancel()
		return nil
	})
	if _, err := inner.Ask(ctx, &eip.Pipe{Stages: []eip.Stage{held}}, eiptest.Message("m")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
