package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// slipFlow reserves and pays what comes, and releases what cannot be paid: the odd ones.
const slipFlow = `
adapter "file" "in" { path = "in.jsonl" }
adapter "file" "out" { path = "out.jsonl" }
queue "reserve" {}
queue "release" {}
queue "pay" {}
queue "failed" {}

locals { steps = [queue.reserve, queue.release, queue.pay] }

flow "orders" {
  from = adapter.in
  routing_slip {
    route  = "['queue.reserve', 'queue.pay']"
    allow  = local.steps
    undo   = { "queue.reserve" = "queue.release" }
    secret = "of the tests alone"
  }
}

flow "reserve" {
  from = queue.reserve
  next_step {
    result = "body.n"
    allow  = local.steps
    secret = "of the tests alone"
  }
}

flow "pay" {
  from            = queue.pay
  invalid_message = queue.failed
  content_router {
    when "even" {
      if = "body.n % 2 == 0"
      next_step {
        allow  = local.steps
        secret = "of the tests alone"
        otherwise {
          transform { body = "{what: 'paid', n: body.n}" }
          to = adapter.out
        }
      }
    }
  }
}

flow "release" {
  from = queue.release
  transform { body = "{what: 'released', n: body}" }
  send { to = adapter.out }
  next_step {
    allow  = local.steps
    secret = "of the tests alone"
  }
}

flow "failed" {
  from = queue.failed
  transform { body = "{what: 'failed', n: body.n}" }
  to = adapter.out
}
`

// Killed at random moments, every order is either paid, or is a dead letter and has what was
// reserved released; and none is both.
func TestKill_SlipsThatAreUndone(t *testing.T) {
	t.Parallel()
	orders, kills := scale(5_000, 500), scale(30, 5)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", slipFlow)
	var in bytes.Buffer
	for n := range orders {
		fmt.Fprintf(&in, "{\"n\":%d}\n", n)
	}
	write(t, dir, "in.jsonl", in.String())
	paid, undone := (orders+1)/2, orders/2
	for life := range kills {
		p := run(t, dir, "flow.hcl")
		goal := orders*life/kills + rand.IntN(orders/kills)
		until(t, "orders come out", func() bool {
			got, _ := slipsOut(t, dir)
			return len(got["paid"])+len(got["released"]) >= goal
		})
		p.kill()
	}
	run(t, dir, "flow.hcl")
	until(t, "all orders come out", func() bool {
		got, _ := slipsOut(t, dir)
		return len(got["paid"]) >= paid && len(got["released"]) >= undone && len(got["failed"]) >= undone
	})
	got, doubled := slipsOut(t, dir)
	for what, odd := range map[string]int{"paid": 0, "released": 1, "failed": 1} {
		for n := range got[what] {
			if n%2 != odd {
				t.Errorf("order %d was %s", n, what)
			}
		}
	}
	t.Logf("%d paid, %d released, %d kills: %d doubled", len(got["paid"]), len(got["released"]), kills, doubled)
}

// slipsOut returns which orders have come out, and as what.
func slipsOut(t *testing.T, dir string) (got map[string]map[int]bool, doubled int) {
	text, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	got = map[string]map[int]bool{"paid": {}, "released": {}, "failed": {}}
	for line := range strings.Lines(string(text)) {
		var m struct {
			What string
			N    int
		}
		if json.Unmarshal([]byte(line), &m) != nil || got[m.What] == nil { // torn by a kill
			continue
		}
		if got[m.What][m.N] {
			doubled++
		}
		got[m.What][m.N] = true
	}
	return got, doubled
}
