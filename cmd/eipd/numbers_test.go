package main

import (
	"slices"
	"strings"
	"testing"
)

// Numbers leave a process as they came: from a flow file, standard input, a service.
func TestNumbers_ThroughAProcess(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
adapter "stdio" "io" {}
adapter "timer" "t" {
  every = "1h"
  count = 1
  body  = { id = 12345678901234567890, amount = 1234567890123456.78, small = 1.5, n = 7 }
}
flow "tick" {
  from = adapter.t
  transform { body = "{all: body, id: body.id}" }
  to = adapter.io
}
flow "in" {
  from = adapter.io
  request {
    to    = queue.service
    merge = "{id: body.id, reply: reply, same: body.id == reply.id, other: body.id == 12345678901234567.0e3}"
  }
  to = adapter.io
}
flow "service" {
  from = queue.service
  transform { body = "{id: body.id, next: body.other}" }
  reply {}
}
queue "service" {}
`)
	c := eipd(t, dir, "run", "--until-idle", "--broker", "memory:", "flow.hcl")
	c.Stdin = strings.NewReader(`{"id":12345678901234567890,"other":[1.0,-0,1e400]}` + "\n")
	stdout, stderr, code := output(t, c)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	slices.Sort(lines)
	want := []string{
		`{"all":{"amount":1234567890123456.78,"id":12345678901234567890,"n":7,"small":1.5},"id":12345678901234567890}`,
		`{"id":12345678901234567890,"other":false,"reply":{"id":12345678901234567890,"next":[1.0,-0,1e400]},"same":true}`,
	}
	if code != 0 || !slices.Equal(lines, want) {
		t.Errorf("exit code %d, got %q, %s", code, lines, stderr)
	}
}
