package foreign

import (
	"testing"

	"github.com/eipd/eipd/internal/rabbit"
)

// A recipient of another maker registers at a dynamic_router: both processes that run it hear
// of its rule, refuse what is none, and forget it when it is silent.
func TestDynamicRouter(t *testing.T) {
	rabbit.Require(t, ruby, bunny)
	url := rabbit.Shared(t).Vhosts(t, "router")["router"]
	for _, name := range []string{"r1", "r2"} {
		start(t, url, "testdata/router.hcl", "--instance", name)
	}
	if got := output(t, client(t, ruby, "testdata/recipient.rb", url)); got != "done\n" {
		t.Errorf("got %q", got)
	}
}
