package amqp_test

import (
	"testing"

	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

func TestFault_GivesUpTogether(t *testing.T) {
	network := netfault.Start(t, rabbit.Shared(t).Address())
	b := open(t, config(t, "amqp://guest:guest@"+network.Address()))
	defer b.Close()
	to, err := b.Sender(t.Context(), queue(t, "q"))
	if err != nil {
		t.Fatal(err)
	}
	network.GivesUpTogether(t, to)
}
