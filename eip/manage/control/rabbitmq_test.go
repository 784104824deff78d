package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"

	_ "github.com/eipd/eipd/eip/broker/amqp"
)

// outsider is who can use a vhost, and knows nothing but the contract.
type outsider struct {
	*testing.T
	*amqp.Channel
	url string
}

func outside(t *testing.T, vhost string) *outsider {
	t.Helper()
	url := rabbit.Shared(t).Vhosts(t, vhost)[vhost]
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return &outsider{t, ch, url}
}

func (o *outsider) queue(name string) string {
	o.Helper()
	q, err := o.QueueDeclare(name, false, false, name == "", false, nil)
	if err != nil {
		o.Fatal(err)
	}
	return q.Name
}

func (o *outsider) give(command, replyTo string) {
	o.Helper()
	if err := o.Publish(control.Address, "any", false, false, amqp.Publishing{Body: []byte(command), ReplyTo: replyTo, CorrelationId: "7"}); err != nil {
		o.Fatal(err)
	}
}

// depth is how many messages wait in a queue.
func (o *outsider) depth(queue string) int {
	o.Helper()
	q, err := o.QueueDeclarePassive(queue, false, false, false, false, nil)
	if err != nil {
		o.Fatal(err)
	}
	return q.Messages
}

// dial is a client on a connection of its own.
func dial(t *testing.T, to string) *control.Client {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	_, transport, err := broker.Lookup(to)
	if err != nil {
		t.Fatal(err)
	}
	b, err := transport.Open(t.Context(), broker.Config{URL: u, Log: discard, Reconnect: broker.Reconnect{Min: 10 * time.Millisecond, Max: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.DialTopic(t.Context(), b, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close() // the broker may take nothing
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Who may write to the topic alone can have nothing written anywhere but to an inbox.
func TestReplyTo_RabbitMQ(t *testing.T) {
	o := outside(t, "reply_to")
	business := []string{"orders", "lost", "broken", "desk.dead", "aged.dead", "old", "news.aged", "done", "nobodys", "eip.inbox.shared", "eip.inbox.0123456789abcdef", "answer"}
	p, _, _ := runOn(t, o.url, `
queue "orders" { durable = false }
queue "done" { durable = false }
queue "lost" { durable = false }
queue "broken" { durable = false }
queue "old" { durable = false }
queue "aging" {
  durable     = false
  dead_letter = queue.old
}
topic "news" { durable = false }
flow "desk" {
  from            = queue.orders
  dead_letter     = queue.lost
  invalid_message = queue.broken
  mark "one" {}
  to = queue.done
}
flow "aged" {
  from = [topic.news, queue.aging]
  durable = false
  discard {}
}
control_bus { reply_to = ["answers*", "o*", "*.dead", "lost", "broken", "news.*", "eip.*"] }
`)
	for _, name := range business {
		if !slices.Contains([]string{"news.aged", "desk.dead", "aged.dead"}, name) {
			o.queue(name)
		}
	}
	for _, name := range []string{"desk.dead", "aged.dead"} {
		if _, err := o.QueueDeclare(name, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range business {
		o.give(`{"command": "status"}`, to)
		o.give(`garbage`, to)
		o.give(`{"command": "tap", "target": "*", "args": {"for": "5m"}}`, to)
	}
	mine, named := o.queue(""), o.queue("answers1")
	answers, err := o.Consume(mine, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := o.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for to, replies := range map[string]<-chan amqp.Delivery{"amq.rabbitmq.reply-to": direct, mine: answers} {
		o.give(`{"command": "status"}`, to)
		select {
		case <-replies:
		case <-time.After(time.Minute):
			t.Errorf("no answer came to %s", to)
		}
	}
	o.give(`{"command": "status"}`, named)
	until(t, func() bool { return o.depth(named) == 1 })
	// One message stays one, whoever taps it.
	if err := o.Publish("", "orders", false, false, amqp.Publishing{Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return o.depth("done") == 1 })
	all := do[map[string]counts](t, p.client, "stats", "", nil)
	if all["desk"].Received != 1 || all["aged"].Received != 0 {
		t.Errorf("the flows got %d and %d", all["desk"].Received, all["aged"].Received)
	}
	for _, name := range business {
		if want := map[string]int{"done": 1}[name]; o.depth(name) != want {
			t.Errorf("%d messages came to %s", o.depth(name), name)
		}
	}
}

// In a flood of garbage every signed command is answered, and the flows go on.
func TestFlood_RabbitMQ(t *testing.T) {
	o := outside(t, "flood")
	p, _, _ := runOn(t, o.url, `
queue "orders" {}
flow "desk" {
  from = queue.orders
  mark "one" {}
  discard {}
}
control_bus { secret = "s3cret" }
`)
	now := time.Now().UTC().Format(time.RFC3339Nano)
	garbage := []string{"garbage", `{"command": "stats"}`,
		fmt.Sprintf(`{"command":"stop","target":"desk","time":%q,"nonce":"0123456789","signature":"00ff"}`, now),
		fmt.Sprintf(`{"command":"set","args":{"x":%q},"time":%q,"nonce":"0123456789","signature":"00ff"}`, strings.Repeat("x", 30_000), now)}
	c := dial(t, o.url)
	c.Secret = "s3cret"
	for n := range 50 {
		for i := range 1000 { // more than the line holds, and less than waits at the broker
			body := garbage[i%3]
			if i%100 == 0 {
				body = garbage[3]
			}
			if err := o.Publish(control.Address, "", false, false, amqp.Publishing{Body: []byte(body), ReplyTo: fmt.Sprint("amq.gen-", n, ".", i)}); err != nil {
				t.Fatal(err)
			}
		}
		command := control.Command{Command: []string{"status", "set", "inject"}[n%3], Target: []string{"", "desk.none", "desk"}[n%3]}
		answered := false
		for r, err := range c.Do(t.Context(), command, control.Collect{Wait: time.Minute, Expect: 1}) {
			if err != nil || n%3 != 1 && !r.OK {
				t.Errorf("command %d: %+v, %v", n, r.Error, err)
			}
			answered = true
		}
		if !answered {
			t.Errorf("command %d was not answered", n)
		}
	}
	if got := do[map[string]counts](t, p.client, "stats", "desk", nil)["desk"]; got.Received == 0 || got.Failed > 0 {
		t.Errorf("%+v", got)
	}
}

// A broker that takes no messages keeps no command beyond its time, and no client.
func TestBlocked_RabbitMQ(t *testing.T) {
	o := outside(t, "blocked")
	p, _, _ := runOn(t, o.url, `
queue "orders" {}
queue "done" {}
flow "desk" {
  from = queue.orders
  to   = queue.done
}
`)
	c := serve(t, p, control.Options{Timeout: 2 * time.Second, DataDir: t.TempDir()})
	fleet := dial(t, o.url)
	n := rabbit.Shared(t)
	n.Memory(t, 0)
	defer n.Memory(t, 0.4)
	for range 3 {
		for _, command := range []string{"inject", "test", "purge", "replay", "tap", "stop", "start"} {
			target, a, name := "desk", args(nil), command
			switch command {
			case "inject":
				target, a = "queue.orders", args{"body": "x", "timeout": "100ms"}
			case "test":
				name, a = "inject", args{"body": "x", "test": true, "timeout": "100ms"}
			case "purge":
				target, a = "queue.done", args{"confirm": "queue.done", "save": true}
			case "tap":
				a = args{"for": "100ms"}
			}
			_, _ = try[json.RawMessage](t, c, name, target, a) // whatever comes of it
		}
	}
	for _, err := range fleet.Do(t.Context(), control.Command{Command: "status"}, control.Collect{Wait: 100 * time.Millisecond}) {
		if err != nil && !errors.Is(err, control.ErrNobody) {
			t.Error(err)
		}
	}
	n.Memory(t, 0.4)
	// A declaration that had no answer may still hold up others for a moment.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // there is nothing else to wait on
		_, err := try[any](t, c, "inject", "queue.orders", args{"body": "x"})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
