package foreign

import (
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// A program of another maker is a step of a routing slip, has its step undone, and cannot
// forge a slip.
func TestRoutingSlip(t *testing.T) {
	rabbit.Require(t, ruby, bunny)
	url := rabbit.Shared(t).Vhosts(t, "slip")["slip"]
	start(t, url, "testdata/slip.hcl")
	if got := output(t, client(t, ruby, "testdata/slip.rb", url)); got != "done\n" {
		t.Errorf("got %q", got)
	}
}
