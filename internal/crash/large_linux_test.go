package crash

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// largeFlows is what the flows with large messages use.
const largeFlows = `
adapter "file" "in" {
  path   = "in/*.json"
  format = "whole"
}
adapter "exec" "slow" { command = ["sh", "-c", "wc -c >>out; sleep 0.1"] }
queue "work" {}
queue "out" {}
`

const (
	fillFlow = `
flow "take" {
  from = adapter.in
  to   = queue.work
}
`
	slowFlow = `
flow "give" {
  from        = queue.work
  concurrency = 50
  to          = adapter.slow
}
`
	moveFlow = `
flow "move" {
  from = queue.work
  wire_tap "all" {
    discard {}
  }
  content_router {
    when "large" {
      if = "body.total > 1"
      transform { body = "{id: body.total, padding: body.padding}" }
      to = queue.out
    }
    otherwise { to = queue.out }
  }
}
flow "give" {
  from        = queue.out
  concurrency = 50
  to          = adapter.slow
}
`
)

// However many large messages wait, and however slowly they go, eipd has a few of
// them in memory. EIPD_SOAK=1 makes it 200.
func TestMemory_LargeMessages(t *testing.T) {
	const bound = 300 << 20
	n := scale(60, 30)
	if soak() {
		n = 200
	}
	body := fmt.Appendf(nil, `{"total": 5, "padding": "%s"}`, strings.Repeat("0123456789", 1_000_000))
	for _, c := range []struct {
		name, flows string
		rabbit      bool
	}{
		{"embedded to slow", fillFlow + slowFlow, false},
		{"embedded to embedded", fillFlow + moveFlow, false},
		{"RabbitMQ to slow", slowFlow, true},
		{"RabbitMQ to RabbitMQ", moveFlow, true},
		{"to RabbitMQ", fillFlow + slowFlow, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, args := t.TempDir(), []string{"flow.hcl"}
			write(t, dir, "flow.hcl", largeFlows+c.flows)
			if strings.Contains(c.flows, "adapter.in") {
				fillFolder(t, filepath.Join(dir, "in"), body, n)
			}
			if c.rabbit {
				node := rabbit.Shared(t)
				args = append(args, "--broker", node.URL())
				fillQueue(t, node, body, map[bool]int{true: n}[!strings.Contains(c.flows, "adapter.in")])
			}
			p := run(t, dir, args...)
			until(t, "all messages are through", func() bool {
				out, _ := os.ReadFile(filepath.Join(dir, "out"))
				return bytes.Count(out, []byte("\n")) >= n
			})
			peak := highWater(t, p)
			t.Logf("%d messages of %d bytes: %d MiB of memory at most", n, len(body), peak>>20)
			if peak > bound {
				t.Errorf("it used %d MiB, more than %d", peak>>20, bound>>20)
			}
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != 0 {
				t.Errorf("stopped with exit code %d:\n%s", code, p.logged())
			}
		})
	}
}

// fillFolder makes n files that share what is in them.
func fillFolder(t *testing.T, dir string, body []byte, n int) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "000.json", string(body))
	for i := 1; i < n; i++ {
		if err := os.Link(filepath.Join(dir, "000.json"), filepath.Join(dir, fmt.Sprintf("%03d.json", i))); err != nil {
			t.Fatal(err)
		}
	}
}

// fillQueue begins the flows' queues anew, with n messages.
func fillQueue(t *testing.T, node *rabbit.Node, body []byte, n int) {
	t.Helper()
	ch := node.Channel(t)
	for _, name := range []string{"work", "out"} {
		if _, err := ch.QueueDelete(name, false, false, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ch.QueueDeclare("work", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for range n {
		c, err := ch.PublishWithDeferredConfirm("", "work", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if !c.Wait() {
			t.Fatal("a message was not confirmed")
		}
	}
}
