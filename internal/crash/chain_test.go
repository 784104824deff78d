package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// chainFlow has all stages that remember one after the other, in one file.
const chainFlow = `
queue "orders" {}
queue "parts" {}
queue "whole" {}
queue "out" {}

flow "split" {
  from        = queue.orders
  concurrency = 4
  idempotent_receiver { key = "body.id" }
  splitter { parts = "body.items" }
  to = queue.parts
}

flow "gather" {
  from        = queue.parts
  concurrency = 3
  delay { for = "body.n % 3 == 0 ? '20ms' : '0s'" }
  aggregator {
    complete = "group.count == group.size"
    timeout  = "never"
    body     = "{id: group.first.body.id, n: map(group.messages, #.body.n)}"
  }
  to = queue.whole
}

flow "order" {
  from = queue.whole
  batch {
    size    = 7
    timeout = "50ms"
    body    = "map(group.messages, #.body)"
  }
  splitter { parts = "body" }
  resequencer {
    key     = "'all'"
    number  = "body.id"
    first   = 0
    timeout = "10m"
  }
  to = queue.out
}
`

// Killed at any moment, each order comes once through all stages that remember, whole and
// in order.
func TestKill_ChainOfStagesThatRemember(t *testing.T) {
	t.Parallel()
	const near = 20 // orders come so much too early or too late
	n := scale(1_500, 600)
	dir := t.TempDir()
	var in strings.Builder
	for from := 0; from < n; from += near {
		for _, i := range rand.Perm(near) {
			id := from + i
			order := fmt.Sprintf(`{"id":%d,"items":[{"id":%[1]d,"n":0},{"id":%[1]d,"n":1},{"id":%[1]d,"n":2},{"id":%[1]d,"n":3},{"id":%[1]d,"n":4}]}`+"\n", id)
			if in.WriteString(order); id%7 == 0 {
				in.WriteString(order)
			}
		}
	}
	write(t, dir, "in.jsonl", in.String())
	write(t, dir, "load.hcl", `
adapter "file" "in" { path = "in.jsonl" }
queue "orders" {}
flow "load" {
  from = adapter.in
  to   = queue.orders
}
`)
	write(t, dir, "flow.hcl", chainFlow)
	write(t, dir, "drain.hcl", `
adapter "stdio" "out" {}
queue "out" {}
flow "drain" {
  from = queue.out
  to   = adapter.out
}
`)
	finish := func(file string) (lines []string) {
		p := launch(t, dir, "--until-idle", file)
		for out := bufio.NewScanner(p.stdout); out.Scan(); {
			lines = append(lines, out.Text())
		}
		if code := p.exit(); code != 0 {
			t.Fatalf("%s ended with %d:\n%s", file, code, p.logged())
		}
		return lines
	}
	finish("load.hcl")
	killed(t, dir, 12, 800*time.Millisecond)
	came := finish("drain.hcl")
	t.Logf("%d of %d orders came out between kills", len(came), n)
	finish("flow.hcl")
	came = append(came, finish("drain.hcl")...)
	for i, line := range came {
		var order struct {
			ID int
			N  []int
		}
		if err := json.Unmarshal([]byte(line), &order); err != nil || order.ID != i || !slices.Equal(order.N, []int{0, 1, 2, 3, 4}) {
			t.Fatalf("at place %d came %s", i, line)
		}
	}
	if len(came) != n {
		t.Errorf("%d orders came, want %d", len(came), n)
	}
}
