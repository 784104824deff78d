package eiptest

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

// rig is a stage with what stands around it.
type rig struct {
	stage        eip.Stage
	head         eip.Handler
	target, next *target
	ctx          context.Context
	cancel       context.CancelFunc
	all          eip.Pipe // the stage, and what is in its bodies
}

func (c *StageCase) rig(t *testing.T, b behaviour) *rig {
	r := &rig{target: &target{behaviour: b}, next: &target{behaviour: b, instead: c.Next}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.stage = c.New(r.target)
	validate(t, r.stage)
	r.all.Stages = []eip.Stage{&eip.Named{Address: "test.stage", Stage: r.stage}}
	r.head = eip.Chain(r.all.Stages, r.next)
	return r
}

func (r *rig) open(t *testing.T) {
	// What a stage starts must outlive the context it is opened with.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	env, made := Env(), eip.Handler(r.next)
	if o, ok := r.stage.(interface{ Outlet() eip.Handler }); ok {
		made = o.Outlet()
	}
	env.Make = func(ctx context.Context, m *eip.Message) error {
		eip.Deliver(ctx, made, m)
		return nil
	}
	env.Fail = func(ctx context.Context, m *eip.Message, _ error) error {
		m.Settle(nil)
		return nil
	}
	if err := r.all.Open(ctx, env); err != nil {
		t.Fatal(err)
	}
}

// deliver gives copies of messages to the stage, one after the other.
func (r *rig) deliver(messages []*eip.Message) (inputs []*input) {
	for _, m := range messages {
		in := newInput(m)
		inputs = append(inputs, in)
		go eip.Deliver(r.ctx, r.head, in.Message)
		synctest.Wait()
	}
	return inputs
}

// settle releases what the handlers hold, and lets time pass until all inputs
// have settled.
func (r *rig) settle(inputs []*input) {
	for range int(time.Hour / time.Second) {
		synctest.Wait()
		r.target.release()
		r.next.release()
		synctest.Wait()
		all := true
		for _, in := range inputs {
			all = all && in.settled()
		}
		if all {
			return
		}
		time.Sleep(time.Second)
	}
}

func (r *rig) closeStages(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.all.Close(ctx); err != nil && r.target.err == nil {
		t.Errorf("close: %v", err)
	}
	if b, ok := r.stage.(eip.Busy); ok && b.Busy() {
		t.Error("the stage is busy after Close")
	}
}

func (r *rig) close(t *testing.T) {
	r.closeStages(t)
	r.cancel()
}

// validate checks the options of what has some to check.
func validate(t *testing.T, of any) {
	t.Helper()
	if v, ok := of.(eip.Validator); ok {
		if err := v.Validate(); err != nil {
			t.Fatalf("validate: %v", err)
		}
	}
}

// Env is what components are opened with in tests.
func Env() *eip.Env {
	return &eip.Env{Address: "test.stage", Flow: "test", Instance: "test", Log: slog.New(slog.DiscardHandler)}
}
