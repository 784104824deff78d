package main

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

const planned = `
queue "orders" { max_length = 5000 }

queue "theirs" { declare = false }

topic "news" {}

flow "orders" {
  from = queue.orders
  to   = topic.news
}

flow "mail" {
  enabled = %ENABLED%
  from    = topic.news
  to      = queue.theirs
}
`

// What is to be created is, by a run, and then there is nothing left to do.
func TestPlan(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "plan")["plan"]
	dir, client := t.TempDir(), dial(t, url)
	write(t, dir, "flow.hcl", strings.ReplaceAll(planned, "%ENABLED%", "false"))
	plan := func(code int, holds ...string) {
		t.Helper()
		stdout, stderr, got := output(t, eipd(t, dir, "plan", "flow.hcl", "--broker", url))
		if got != code {
			t.Errorf("exit %d, want %d\n%s%s", got, code, stdout, stderr)
		}
		for _, h := range holds {
			if !strings.Contains(stdout, h) {
				t.Errorf("it does not say %q:\n%s%s", h, stdout, stderr)
			}
		}
		if strings.Contains(stdout+stderr, ":guest@") {
			t.Errorf("it shows the password:\n%s%s", stdout, stderr)
		}
	}
	plan(2, "+ queue.orders       would be created\n", "+ topic.news         would be created\n", "+ queue.orders.dead  would be created\n", "\n3 to create, 0 in conflict\n")
	plan(2, "\n3 to create") // it has created nothing

	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", url))
	p.ready(t)
	p.interrupt(t)
	plan(0, "\n0 to create, 0 in conflict\n", "  queue.orders       exists\n")

	if _, err := client.QueueDelete("orders", false, false, false); err != nil {
		t.Fatal(err)
	}
	if _, err := client.QueueDeclare("orders", true, false, false, false, amqp.Table{"x-max-length": int32(10)}); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "flow.hcl", strings.ReplaceAll(planned, "%ENABLED%", "true"))
	plan(1, "! queue.orders ", "    x-max-length: the flow file says 5000, the broker has 10\n", "    x-overflow: the flow file says reject-publish, the broker has none\n",
		"+ topic.news, subscription mail  would be created\n", "! queue.theirs ", "declare = false", "\n2 to create, 2 in conflict\n")
}

func TestPlan_JSON(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "plan_json")["plan_json"]
	dir := t.TempDir()
	write(t, dir, "flow.hcl", strings.ReplaceAll(planned, "%ENABLED%", "true"))
	stdout, stderr, code := output(t, eipd(t, dir, "plan", "flow.hcl", "--json", "--broker", url))
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != 1 {
		t.Fatalf("exit %d, %v\n%s%s", code, err, stdout, stderr)
	}
	states := map[string]string{}
	for _, i := range r.Brokers[0].Items {
		states[i.Kind+" "+i.Address+" "+i.Subscription] = string(i.State) + " " + strings.Join(i.Flows, ",")
	}
	for what, want := range map[string]string{"queue orders ": "create orders", "topic news ": "create orders,mail", "subscription news mail": "create mail",
		"queue theirs ": "missing mail", "queue orders.dead ": "create orders", "queue mail.dead ": "create mail"} {
		if states[what] != want {
			t.Errorf("of the %s it says %q, want %q", what, states[what], want)
		}
	}
	if len(states) != 6 || r.Stores == nil || r.Create != 5 || r.Conflicts != 1 || len(r.Brokers) != 1 {
		t.Errorf("it says\n%s", stdout)
	}
	if stdout, _, code := output(t, eipd(t, dir, "plan", "flow.hcl", "--flow", "orders", "--broker", url)); code != 2 || strings.Contains(stdout, "theirs") {
		t.Errorf("of one flow: exit %d\n%s", code, stdout)
	}
}

// What remembers, and the queue by which one process is picked, are in the plan.
func TestPlan_Remembers(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "plan_memory")["plan_memory"]
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
queue "orders" {}
store "kept" { url = "embedded:kept" }
flow "once" {
  from = queue.orders
  idempotent_receiver {}
  aggregator {
    key   = "body.order"
    size  = 2
    store = store.kept
  }
  discard {}
}
`)
	plan := func() string {
		t.Helper()
		stdout, stderr, code := output(t, eipd(t, dir, "plan", "flow.hcl", "--broker", url))
		if code == 1 {
			t.Errorf("exit %d\n%s", code, stderr)
		}
		return stdout
	}
	got := plan()
	for _, want := range []string{"  eip.single.once  comes and goes with processes\n",
		"store by default, embedded:, in which these stages remember:\n  once.idempotent_receiver\n", "store kept, embedded:kept, in which these stages remember:\n  once.aggregator\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", url))
	p.ready(t)
	if got := plan(); !strings.Contains(got, "  eip.single.once  exists\n    another connection has it to itself now") {
		t.Errorf("while a process runs it says\n%s", got)
	}
	p.interrupt(t)
}

// Where a broker cannot be asked, plan says why and does not call it done.
func TestPlan_Unreachable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", strings.ReplaceAll(planned, "%ENABLED%", "true"))
	nobody, silent := listen(t), listen(t)
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"nobody listens": {[]string{"--broker", "amqp://" + nobody.Addr().String() + "/"}, 1, "TCP: dial tcp"},
		"nobody answers": {[]string{"--broker", "amqp://" + silent.Addr().String() + "/", "--timeout", "200ms"}, 3, "does not answer"},
		"no such flow":   {[]string{"--flow", "ordres"}, 1, "Did you mean orders?"},
		"no such broker": {[]string{"--broker", "amqq://localhost/"}, 1, `no broker has the scheme "amqq"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := output(t, eipd(t, dir, append([]string{"plan", "flow.hcl"}, tt.args...)...))
			if code != tt.code || !strings.Contains(stderr, tt.says) {
				t.Errorf("exit %d, want %d and %q in:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}

// listen listens on a port, and says nothing to who comes.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // it may be closed already
	return l
}

func TestCheck_QuorumQueue(t *testing.T) {
	dir := t.TempDir()
	const file = `
queue "q" {
  arguments = {
    "x-queue-type" = "quorum"
%LIMIT%
  }
}

flow "f" {
  from = queue.q
  discard {}
}
`
	for limit, warns := range map[string]bool{"": true, `"x-delivery-limit" = -1`: false} {
		write(t, dir, "flow.hcl", strings.ReplaceAll(file, "%LIMIT%", limit))
		_, stderr, code := output(t, eipd(t, dir, "check", "flow.hcl", "--broker", "amqp://localhost/"))
		if code != 0 || strings.Contains(stderr, "flow.hcl:2:1: warning: ") != warns || strings.Contains(stderr, "delivered 20 times") != warns {
			t.Errorf("with %q: exit %d\n%s", limit, code, stderr)
		}
	}
}
