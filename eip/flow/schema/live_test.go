package schema_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/internal/live"
	"github.com/eipd/eipd/eip/routing"
)

type mode string

func (mode) Options() []string { return []string{"fast", "safe"} }

type percent float64

func (p percent) Validate() error {
	if p > 100 {
		return errors.New("more than all")
	}
	return nil
}

type part struct {
	Label string                  `flow:",label"`
	If    eip.Live[eip.Predicate] `flow:"if"`
	Max   eip.Live[int]           `flow:"max"`
	Each  eip.Live[eip.Value]     `flow:"each"`
	Wait  *struct {
		For eip.Live[time.Duration] `flow:"for"`
	} `flow:"wait,block"`
}

type stage struct {
	On    eip.Live[bool]    `flow:"on"`
	Part  eip.Live[percent] `flow:"percent"`
	Mode  eip.Live[mode]    `flow:"mode"`
	Name  eip.Live[string]  `flow:"name"`
	Fixed int               `flow:"fixed"`
	Parts []*part           `flow:"part,block"`
	More  []part            `flow:"more,block"`
	Body  eip.Pipe          `flow:"otherwise,body"`
}

func newStage() (*stage, schema.Settable) {
	s := &stage{On: eip.LiveOf(true), Parts: []*part{{Label: "big", Wait: &struct {
		For eip.Live[time.Duration] `flow:"for"`
	}{eip.LiveOf(time.Minute)}}, {Label: "small"}}, More: []part{{Label: "rest"}}}
	settable, _ := schema.SettableOf(s)
	return s, settable
}

func TestSettable_NamesAndValues(t *testing.T) {
	s, settable := newStage()
	*s.Parts[0].If.Option().Compiler() = func(string) (any, error) { return nil, nil }
	s.Parts[0].If.Option().SetValue(eip.Predicate(nil), "true")
	want := map[string]any{"on": true, "percent": 0.0, "mode": "", "name": "", "big.if": "true",
		"big.max": int64(0), "big.wait.for": "1m0s", "small.max": int64(0), "rest.max": int64(0)}
	if got := settable.Settable(); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if _, ok := schema.SettableOf(&struct {
		Fixed int `flow:"fixed"`
	}{}); ok {
		t.Error("what has no live option is settable")
	}
	if _, ok := schema.SettableOf(eip.StageFunc(nil)); ok {
		t.Error("a function is settable")
	}
}

func TestSettable_SetAnExpression(t *testing.T) {
	s, settable := newStage()
	holds := eip.Predicate(func(context.Context, *eip.Message) (bool, error) { return true, nil })
	*s.Parts[0].If.Option().Compiler() = func(text string) (any, error) {
		if text == "" {
			return nil, errors.New("there is none")
		}
		return holds, nil
	}
	for _, value := range []any{"body.n > 1", true, "false"} {
		if err := settable.Set("big.if", value); err != nil || s.Parts[0].If.Load() == nil || settable.Settable()["big.if"] != fmt.Sprint(value) {
			t.Errorf("set to %v: %v, then %v", value, err, settable.Settable())
		}
	}
	for _, value := range []any{"", nil, 5, []any{"true"}} {
		if err := settable.Set("big.if", value); err == nil || settable.Settable()["big.if"] != "false" {
			t.Errorf("set to %v: %v, then %v", value, err, settable.Settable())
		}
	}
	if err := settable.Set("small.if", 5); !errors.Is(err, live.ErrNotDynamic) {
		t.Errorf("%v", err)
	}
}

func TestSettable_Set(t *testing.T) {
	s, settable := newStage()
	for name, values := range map[string][]any{
		"on":           {false, "true", "false"},
		"percent":      {1, int64(2), 2.5, "99.5"},
		"mode":         {"safe", "fast"},
		"name":         {"x", ""},
		"big.wait.for": {"1s", "1h0m0s"},
		"rest.max":     {int64(7), "8"},
	} {
		for _, v := range values {
			if err := settable.Set(name, v); err != nil {
				t.Errorf("set %s to %v: %v", name, v, err)
			}
		}
	}
	if s.On.Load() || s.Part.Load() != 99.5 || s.Mode.Load() != "fast" || s.Parts[0].Wait.For.Load() != time.Hour || s.More[0].Max.Load() != 8 {
		t.Errorf("%v", settable.Settable())
	}
	before := settable.Settable()
	for name, values := range map[string][]any{
		"on":           {"perhaps", 1, nil},
		"percent":      {101, "NaN", nil, true},
		"mode":         {"slow", nil},
		"big.wait.for": {"soon", "-1s", 5},
		"rest.max":     {1.5, "many"},
		"big.if":       {"true", 5},
		"small.each":   {"1"},
		"name":         {nil, 1},
		"fixed":        {1},
		"none.max":     {1},
	} {
		for _, v := range values {
			if err := settable.Set(name, v); err == nil || !strings.Contains(err.Error(), "set "+name+": ") {
				t.Errorf("set %s to %v: %v", name, v, err)
			}
		}
	}
	if got := settable.Settable(); !maps.Equal(got, before) {
		t.Errorf("what was refused made %v of %v", got, before)
	}
}

// Who sets what is none of the options learns which there are.
func TestSettable_Options(t *testing.T) {
	settable, _ := schema.SettableOf(routing.NewProcessManager())
	err := settable.Set("unexpected", "drop")
	if err == nil || !strings.Contains(err.Error(), "drop is none of its options: dead_letter, ignore, wait") {
		t.Error(err)
	}
}

// What a stage refuses of an option in a flow file, it refuses of an operator; what it says
// of its other options is none of this one's.
func TestSettable_IsChecked(t *testing.T) {
	agg := routing.NewAggregator()
	agg.Size.Set(5)
	for _, c := range []struct {
		stage   eip.Stage
		name    string
		refused []any
		taken   []any
	}{
		{routing.NewSplitter(), "in_flight", nil, []any{1, 7}}, // it does not say what the parts are
		{&routing.Splitter{Format: "lines", InFlight: eip.LiveOf(3)}, "in_flight", []any{0, -1}, []any{1}},
		{routing.NewBatch(), "size", []any{0, -1}, []any{1}},
		{routing.NewBatch(), "timeout", []any{"0s"}, []any{"1ms"}},
		{routing.NewResequencer(), "capacity", []any{0}, []any{1}},
		{routing.NewResequencer(), "timeout", []any{"0s"}, []any{"1s"}},
		{agg, "max_groups", []any{0, -5}, []any{1}},
		{agg, "timeout", nil, []any{"1s", "never", "0s"}},
		{agg, "size", []any{-1}, []any{2, 0}},
		{agg, "timeout", []any{"0s"}, []any{"never"}}, // there is no other end any more
		{routing.NewThrottle(), "rate", []any{0, -1, 1e10}, []any{0.5}},
		{endpoint.NewIdempotentReceiver(), "remember", []any{"-1s"}, []any{"0s", "1h"}},
	} {
		settable, _ := schema.SettableOf(c.stage)
		for _, v := range c.taken {
			if err := settable.Set(c.name, v); err != nil {
				t.Errorf("%T: %s = %v: %v", c.stage, c.name, v, err)
			}
		}
		before := settable.Settable()
		for _, v := range c.refused {
			err := settable.Set(c.name, v)
			if err == nil || strings.Count(err.Error(), c.name+": ") != 1 {
				t.Errorf("%T: %s = %v: %v", c.stage, c.name, v, err)
			}
		}
		if got := settable.Settable(); !maps.Equal(got, before) {
			t.Errorf("%T: what was refused made %v of %v", c.stage, got, before)
		}
	}
}
