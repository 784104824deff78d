// Command plugins is an eipd with a stage of its own, which is a plugin in its flow file.
// Its input is {"plugin": "reverse", "text": "abc"}, a line each.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"slices"

	"github.com/eipd/eipd/eip"
	_ "github.com/eipd/eipd/eip/adapter/stdio"
	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	_ "github.com/eipd/eipd/eip/routing"
	_ "github.com/eipd/eipd/eip/transform"
)

func init() { eip.Stages.Add("reverse", func() eip.Stage { return &Reverse{} }) }

// Reverse turns a text round. Its exported fields would be its options.
type Reverse struct{}

// Process passes on m with its text turned round.
func (*Reverse) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	letters := []rune(string(m.Body()))
	slices.Reverse(letters)
	return next.Handle(ctx, m.WithBody([]byte(string(letters))))
}

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	config, diags := flow.Load(flow.Options{Files: []string{"plugins.hcl"}, Broker: "memory:"})
	if diags.HasErrors() {
		return diags
	}
	h := host.New(host.Options{Stdin: stdin, Stdout: stdout})
	if _, err := h.Start(ctx, config); err != nil {
		return err
	}
	if err := h.WaitIdle(ctx); err != nil {
		return err
	}
	return h.Stop()
}
