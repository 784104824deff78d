package main

import (
	"context"
	"fmt"
	"strings"

	_ "github.com/benthosdev/benthos/v4/public/components/pure" // fan_out, switch, drop
	"github.com/benthosdev/benthos/v4/public/service"
)

// Its outputs are its own `drop`, the cheapest there is.
const benthosConfig = `
input:
  bench: {}
output:
  broker:
    pattern: fan_out
    outputs:
      - drop: {}
      - switch:
          cases:
            - check: this.total > 1000 && this.region == "eu"
              output: { SINK }
            - check: this.total > 1000 && this.region == "us"
              output: { SINK }
            - output: { SINK }
metrics:
  none: {}
logger:
  level: "OFF"
`

func startBenthos(batch int) func(f *feed) (func() error, error) {
	return func(f *feed) (func() error, error) {
		f.uncounted = true
		return runBenthos(f, batch, strings.ReplaceAll(benthosConfig, "SINK", "drop: {}"), service.NewEnvironment())
	}
}

func runBenthos(f *feed, batch int, config string, env *service.Environment) (func() error, error) {
	err := env.RegisterBatchInput("bench", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return &benthosInput{feed: f, size: batch}, nil
	})
	if err != nil {
		return nil, err
	}
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML(config); err != nil {
		return nil, err
	}
	stream, err := builder.Build()
	if err != nil {
		return nil, err
	}
	return background(func() error {
		if err := stream.Run(context.Background()); err != nil {
			return fmt.Errorf("run benthos: %w", err)
		}
		return nil
	}), nil
}

// benthosInput gives batches; it has no limit of its own to what is in flight.
type benthosInput struct {
	feed *feed
	size int
}

func (*benthosInput) Connect(context.Context) error { return nil }
func (*benthosInput) Close(context.Context) error   { return nil }

func (i *benthosInput) ReadBatch(context.Context) (service.MessageBatch, service.AckFunc, error) {
	batch := make(service.MessageBatch, 0, i.size)
	for len(batch) < i.size {
		body := i.feed.take()
		if body == nil {
			break
		}
		batch = append(batch, service.NewMessage(body))
	}
	if len(batch) == 0 {
		return nil, nil, service.ErrEndOfInput
	}
	return batch, func(_ context.Context, err error) error {
		if err == nil {
			i.feed.settle(int64(len(batch)))
		}
		return nil
	}, nil
}
