package main

import (
	"context"
	"strings"

	"github.com/benthosdev/benthos/v4/public/service"
)

// startBenthosCounted is startBenthos with outputs that count.
func startBenthosCounted(f *feed) (func() error, error) {
	env := service.NewEnvironment()
	config := strings.Replace(benthosConfig, "drop: {}", "audit: {}", 1)
	names := append([]string{"audit"}, routeNames[:]...)
	for i, name := range names {
		if i > 0 {
			config = strings.Replace(config, "SINK", name+": {}", 1)
		}
		count := f.counter(name)
		err := env.RegisterOutput(name, service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) {
			return countingOutput{count: count}, 1, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return runBenthos(f, 1, config, env)
}

type countingOutput struct{ count *counter }

func (countingOutput) Connect(context.Context) error { return nil }
func (countingOutput) Close(context.Context) error   { return nil }

func (o countingOutput) Write(context.Context, *service.Message) error {
	o.count.Add(1)
	return nil
}
