package main

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/tidwall/gjson"
)

// The hand-written loop: calls, gjson paths into an environment, two expr programs.
// Its tap is a call too, so it has no buffer, and a slow one would slow the loop.
func startHand(validate bool) func(f *feed) (func() error, error) {
	return func(f *feed) (func() error, error) {
		var programs [rest]*vm.Program
		for i, region := range []string{"eu", "us"} {
			p, err := expr.Compile(fmt.Sprintf("body.total > 1000 && body.region == '%s'", region),
				expr.Env(map[string]any{"body": map[string]any{}}), expr.AsBool())
			if err != nil {
				return nil, err
			}
			programs[i] = p
		}
		return background(func() error {
			for body := f.take(); body != nil; body = f.take() {
				if err := handOne(f, &programs, body, validate); err != nil {
					return err
				}
				f.settle(1)
			}
			return nil
		}), nil
	}
}

func handOne(f *feed, programs *[rest]*vm.Program, body []byte, validate bool) error {
	f.tapped.Add(1)
	if validate && !gjson.ValidBytes(body) {
		f.invalid.Add(1)
		return nil
	}
	env := map[string]any{"body": map[string]any{
		"total":  gjson.GetBytes(body, "total").Value(),
		"region": gjson.GetBytes(body, "region").Value(),
	}}
	for to, p := range programs {
		yes, err := expr.Run(p, env)
		if err != nil {
			f.invalid.Add(1)
			return nil
		}
		if yes.(bool) {
			f.routed[to].Add(1)
			return nil
		}
	}
	f.routed[rest].Add(1)
	return nil
}
