package endpoint_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

func ExampleDiscard() {
	discard := endpoint.NewDiscard()
	flow := eip.Chain([]eip.Stage{discard}, nil)
	eip.Deliver(context.Background(), flow, eip.New([]byte("noise"), func(err error) {
		fmt.Println("settled with", err)
	}))
	fmt.Println(discard.Stats().Counts)
	// Output:
	// settled with <nil>
	// map[dropped:1]
}

func TestDiscard_Contract(t *testing.T) {
	eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return endpoint.NewDiscard() }, Outcome: eiptest.Drops})
}
