package main

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// Of two processes, one takes messages, and the other takes over when it is killed or ends.
func TestSingle(t *testing.T) {
	for name, body := range map[string]string{
		"Said":      "  single = true\n",
		"Remembers": "  idempotent_receiver { key = \"body.n\" }\n",
	} {
		t.Run(name, func(t *testing.T) {
			node := rabbit.Shared(t)
			queue := strings.ReplaceAll(t.Name(), "/", "-")
			flow := fmt.Sprintf(`
queue "in" {
  address   = %q
  arguments = { "x-queue-type" = "quorum" }
}
adapter "stdio" "out" {}
flow %q {
  from = queue.in
%s  to   = adapter.out
}
`, queue, queue, body)
			run := func(dir string) *process {
				write(t, dir, "flow.hcl", flow)
				p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", node.URL(), "--data-dir", dir, "--socket", dir+"/s"))
				p.ready(t)
				return p
			}
			stands := func(dir string) bool {
				status, stderr, code := output(t, eipd(t, dir, "status", "--socket", dir+"/s"))
				list, _, _ := output(t, eipd(t, dir, "control", "--socket", dir+"/s", "list"))
				if code != 0 || strings.Contains(status, "waiting") || strings.Contains(status, "refused") {
					t.Fatalf("status: exit %d\n%s%s", code, status, stderr)
				}
				standby := strings.Contains(status, queue+" (standby)")
				if standby != strings.Contains(list, "standby, from") {
					t.Fatalf("status and list differ:\n%s%s", status, list)
				}
				return standby
			}
			first, second := t.TempDir(), t.TempDir()
			a := run(first)
			b := run(second)
			client, n := dial(t, node.URL()), 0
			takes := func(p, other *process) {
				t.Helper()
				for range 20 {
					n++
					client.send(queue, amqp.Publishing{Body: fmt.Appendf(nil, `{"n":%d}`, n), ContentType: "application/json"})
					if got, want := p.line(t), fmt.Sprintf(`{"n":%d}`, n); got != want {
						t.Fatalf("it printed %s, want %s", got, want)
					}
				}
				if other != nil && len(other.stdout) > 0 {
					t.Fatal("the process that stands by took a message")
				}
			}
			takes(a, b)
			if stands(first) || !stands(second) {
				t.Error("status does not say who stands by")
			}
			if err := a.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = a.cmd.Wait()
			takes(b, nil)
			a = run(first)
			takes(b, a)
			if !stands(first) || stands(second) {
				t.Error("status does not say who stands by")
			}
			if stdout, stderr, code := output(t, eipd(t, second, "control", "--socket", second+"/s", "stop", queue)); code != 0 {
				t.Fatalf("stop: exit %d\n%s%s", code, stdout, stderr)
			}
			takes(a, b)
			if stdout, stderr, code := output(t, eipd(t, second, "control", "--socket", second+"/s", "start", queue)); code != 0 {
				t.Fatalf("start: exit %d\n%s%s", code, stdout, stderr)
			}
			if !stands(second) {
				t.Error("the flow that was started does not stand by")
			}
			a.interrupt(t)
			takes(b, nil)
			b.interrupt(t)
		})
	}
}
