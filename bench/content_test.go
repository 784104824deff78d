package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/benthosdev/benthos/v4/public/service"
)

// keptOutput keeps what comes, but for what has failed.
type keptOutput struct{ f *feed }

func (keptOutput) Connect(context.Context) error { return nil }
func (keptOutput) Close(context.Context) error   { return nil }

func (o keptOutput) Write(_ context.Context, m *service.Message) error {
	if m.GetError() != nil {
		o.f.invalid.Add(1)
		return nil
	}
	body, err := m.AsBytes()
	o.f.kept(body)
	return err
}

// Both do the same: what the flow lets pass, and what it makes of it, so does Benthos.
func TestContent_Alike(t *testing.T) {
	good := corpus().bodies
	bad := bytes.Replace(good[0], []byte(`"currency":"EUR"`), []byte(`"currency":"XYZ"`), 1)
	for i, j := range contentJobs {
		var made [2][]any
		var invalid [2]int64
		for who, start := range []func(f *feed) (func() error, error){j.startFlow, func(f *feed) (func() error, error) {
			env := service.NewEnvironment()
			err := env.RegisterOutput("kept", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) {
				return keptOutput{f}, 1, nil
			})
			if err != nil {
				return nil, err
			}
			return runBenthos(f, 1, fmt.Sprintf(benthosContent, j.benthos, "kept"), env)
		}} {
			f := newFeed(4)
			f.bodies = [][]byte{good[0], bad, good[1], good[2]}
			f.kept = func(body []byte) {
				var v any
				if err := json.Unmarshal(body, &v); err != nil {
					t.Error(err)
				}
				made[who] = append(made[who], v)
			}
			pass(t, contestant{"", start}, f)
			invalid[who] = f.invalid.Load()
		}
		if len(made[0]) == 0 || !reflect.DeepEqual(made[0], made[1]) || invalid[0] != invalid[1] || invalid[0] != int64(1-i) {
			t.Errorf("%s\n%v (%d)\n%v (%d)", j.flow, made[0], invalid[0], made[1], invalid[1])
		}
	}
}
