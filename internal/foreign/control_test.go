package foreign

import (
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// A client that knows the contract alone uses the control bus of three processes.
func TestControlBus(t *testing.T) {
	rabbit.Require(t, python, pika)
	url := rabbit.Shared(t).Vhosts(t, "control")["control"]
	instances := []string{"a", "b:1", "c"}
	for _, name := range instances {
		start(t, url, "testdata/control.hcl", "--instance", name)
	}
	if got := output(t, client(t, python, append([]string{"testdata/control.py", url}, instances...)...)); got != "done\n" {
		t.Errorf("got %q", got)
	}
}
