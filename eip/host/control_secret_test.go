package host_test

import (
	"context"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/host"
)

// secretive is a stage that tells which secret it was opened with.
type secretive struct{}

var secrets = make(chan string, 1)

func init() { eip.Stages.Add("secretive", func() eip.Stage { return &secretive{} }) }

func (*secretive) Open(_ context.Context, env *eip.Env) error {
	secrets <- env.Secret
	return nil
}

func (*secretive) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

func TestProcess_StagesKnowTheSecretOfTheControlBus(t *testing.T) {
	for bus, want := range map[string]string{"": "", "control_bus {}": "", `control_bus { secret = "s" }`: "s"} {
		c := load(t, bus+`
			adapter "numbers" "ends" {}
			adapter "sink" "out" {}
			flow "f" {
			  from = adapter.ends
			  secretive {}
			  to = adapter.out
			}`)
		p, err := start(t.Context(), c, host.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-secrets; got != want {
			t.Errorf("with %q the secret is %q", bus, got)
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
}
