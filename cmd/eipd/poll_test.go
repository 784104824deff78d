package main

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// Between two polls a flow has no consumer on RabbitMQ, and no message: others can take them.
func TestPoll_RabbitMQ(t *testing.T) {
	node := rabbit.Shared(t)
	dir := t.TempDir()
	write(t, dir, "flow.hcl", fmt.Sprintf(`
queue "in" { address = %q }
adapter "stdio" "out" {}
flow "f" {
  from = queue.in
  poll {
    every = "15s"
    batch = 2
  }
  to = adapter.out
}
`, t.Name()))
	client := dial(t, node.URL())
	if _, err := client.QueueDeclare(t.Name(), true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // before it polls first, as it may do so at any moment
		client.send(t.Name(), amqp.Publishing{Body: fmt.Append(nil, i+1)})
	}
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", node.URL()))
	p.ready(t)
	rests := func(waiting int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			q, err := client.QueueDeclarePassive(t.Name(), true, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if q.Consumers == 0 && q.Messages == waiting {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the queue has %d messages and %d consumers, want %d and none", q.Messages, q.Consumers, waiting)
			}
		}
	}
	takes := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got := p.line(t); got != w {
				t.Fatalf("it printed %s, want %s", got, w)
			}
		}
	}
	takes("1", "2")
	rests(3)
	if d := client.take(t.Name()); string(d.Body) != "3" {
		t.Errorf("somebody else took %s", d.Body)
	}
	takes("4", "5")
	rests(0)
	p.interrupt(t)
}
