package eip_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// A place is the sending side of a channel, which has a name.
type place struct {
	name string
	eip.HandlerFunc
}

func (p place) String() string { return p.name }

// What failed is the stage, where it did; or the channel that did not take what it passed on.
func TestFlow_WhatFailed(t *testing.T) {
	full := place{"queue.full", func(context.Context, *eip.Message) error { return errBroken }}
	panics := place{"queue.full", func(context.Context, *eip.Message) error { panic("boom") }}
	late := place{"queue.full", func(_ context.Context, m *eip.Message) error {
		release := m.HoldFor(&stats.Traffic{Of: "queue.full"})
		go release(errBroken)
		return nil
	}}
	takes := place{"queue.takes", func(context.Context, *eip.Message) error { return nil }}
	passes := func() eip.Stage {
		return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) })
	}
	fails := eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { return errBroken })
	sends := eip.StageFunc(func(ctx context.Context, m *eip.Message, _ eip.Handler) error { return full.Handle(ctx, m) })
	body := func(to eip.Handler, stages ...eip.Stage) *eip.Pipe { return &eip.Pipe{Stages: stages, To: to} }

	for name, c := range map[string]struct {
		stage       eip.Stage
		to          eip.Handler
		want, error string
		failed      int64 // of the stage
	}{
		"a stage":                         {fails, takes, "f.last", "f.last: broken", 1},
		"a stage that sends":              {sends, takes, "f.last", "f.last: broken", 1},
		"the flow's to":                   {passes(), full, "queue.full", "broken", 0},
		"one of the flow's to":            {passes(), eip.Multicast{takes, full}, "queue.full", "broken", 0},
		"a to that panics":                {passes(), panics, "queue.full", "panic: boom", 0},
		"a to that refuses later":         {passes(), late, "queue.full", "broken", 0},
		"a to without a name":             {passes(), full.HandlerFunc, "f.last", "f.last: broken", 1},
		"no stage, but a to":              {nil, full, "queue.full", "broken", 0},
		"the to of a body":                {body(full, named("f.last.inner", passes())), takes, "queue.full", "broken", 0},
		"the to of a body with no stages": {body(full), takes, "queue.full", "broken", 0},
		"a stage of a body":               {body(takes, named("f.last.inner", fails)), takes, "f.last.inner", "f.last.inner: broken", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dead := &recorder{}
				last := named("f.last", c.stage)
				f := &eip.Flow{Name: "f", Source: &numbered{n: 1}, To: c.to, DeadLetter: dead, Retry: eip.Retry{Attempts: 1}}
				if c.stage != nil {
					f.Stages = []eip.Stage{named("f.first", passes()), last}
				}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(dead.msgs) != 1 {
					t.Fatalf("%d dead letters", len(dead.msgs))
				}
				if h := dead.msgs[0].Headers; h[header.Stage] != c.want || h[header.Error] != c.error {
					t.Errorf("it failed at %v: %v", h[header.Stage], h[header.Error])
				}
				if n, _ := last.Counts(); c.stage != nil && n.DeadLettered != c.failed {
					t.Errorf("the stage counts %+v", n)
				}
			})
		})
	}
}

// What a stage's bodies sent in vain is within it, and what is sent behind it is not.
func TestStageError_Within(t *testing.T) {
	full := place{"queue.full", func(context.Context, *eip.Message) error { return errBroken }}
	passes := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) })
	for name, c := range map[string]struct {
		stages []eip.Stage
		want   bool
	}{
		"its own to":             {[]eip.Stage{named("f.s", &eip.Pipe{Stages: []eip.Stage{named("f.s.inner", passes)}, To: full})}, true},
		"of a body in its body":  {[]eip.Stage{named("f.s", &eip.Pipe{Stages: []eip.Stage{named("f.s.way", &eip.Pipe{To: full})}})}, true},
		"the flow's to":          {[]eip.Stage{named("f.s", &eip.Pipe{Stages: []eip.Stage{named("f.s.inner", passes)}})}, false},
		"a to of the next stage": {[]eip.Stage{named("f.s", passes), named("f.s2", &eip.Pipe{To: full})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := eip.Chain(c.stages, full).Handle(t.Context(), eip.New(nil, nil))
			at, ok := err.(*eip.StageError)
			if !ok || at.Address != "queue.full" || at.Within("f.s") != c.want || at.Within("f.s2.x") {
				t.Errorf("it is %#v, within: %v", err, ok && at.Within("f.s"))
			}
		})
	}
}
