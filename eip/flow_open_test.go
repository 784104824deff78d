package eip_test

import (
	"context"
	"slices"
	"testing"

	"github.com/eipd/eipd/eip"
)

// noted notes when it is opened and closed, and with what environment.
type noted struct {
	log  *[]string
	env  *eip.Env
	body eip.Pipe
}

func (n *noted) Open(_ context.Context, env *eip.Env) error {
	n.env = env
	*n.log = append(*n.log, "open "+env.Address)
	return nil
}

func (n *noted) Close(context.Context) error {
	*n.log = append(*n.log, "close "+n.env.Address)
	return nil
}

func (n *noted) Nested() []*eip.Pipe { return []*eip.Pipe{&n.body} }

func (n *noted) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return n.body.Process(ctx, m, next)
}

func TestFlow_OpensAndClosesStagesInTheirOrder(t *testing.T) {
	var log []string
	stage := func(address string, body ...eip.Stage) *eip.Named {
		return &eip.Named{Address: address, Stage: &noted{log: &log, body: eip.Pipe{Stages: body}}}
	}
	dead := eip.HandlerFunc(func(context.Context, *eip.Message) error { return nil })
	inner := stage("f.a.b")
	f := &eip.Flow{Name: "f", Source: &numbered{n: 1}, To: eip.Discard, DeadLetter: dead,
		Stages: []eip.Stage{stage("f.a", inner), stage("f.c")}}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"open f.a", "open f.a.b", "open f.c", "close f.a", "close f.a.b", "close f.c"}
	if !slices.Equal(log, want) {
		t.Errorf("the order is %v", log)
	}
	if env := inner.Stage.(*noted).env; env.Flow != "f" || env.Log == nil || env.DeadLetter == nil || env.Invalid == nil {
		t.Errorf("opened with %+v", env)
	}
}
