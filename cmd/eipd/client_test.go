package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

const services = `
queue "greet" {}

topic "news" {}

flow "greet" {
  from = queue.greet
  reply { body = "'Hello, ' + string(body) + '!'" }
}

service "half" {
  transform { body = "int(body) / 2" }
  reply {}
}

flow "news" {
  from    = topic.news
  pattern = "a.*"
  discard {}
}
`

// command runs eipd on a broker, and expects its exit code.
func command(t *testing.T, url string, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, got := output(t, eipd(t, t.TempDir(), append(args, "--broker", url)...))
	if got != code {
		t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

func TestSendAndReceive(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "client")["client"]
	other := dial(t, url)
	if _, err := other.QueueDeclare("orders", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	command(t, url, 0, "send", "queue.orders", "--body", `{"id": 1}`, "--header", "region=eu", "--header", "empty=", "--content-type", "application/json",
		"--correlation-id", "c", "--reply-to", "back")
	d := other.take("orders")
	if string(d.Body) != `{"id": 1}` || d.Headers["region"] != "eu" || d.Headers["empty"] != "" || d.ContentType != "application/json" ||
		d.CorrelationId != "c" || d.ReplyTo != "back" || d.MessageId == "" || d.Timestamp.IsZero() || d.DeliveryMode != amqp.Persistent {
		t.Errorf("another client got %+v", d)
	}

	other.send("orders", amqp.Publishing{Body: []byte(`{"id": 2}`), Headers: amqp.Table{"n": int16(7)}, Priority: 4, Type: "order"})
	other.send("orders", amqp.Publishing{Body: []byte("plain <text>")})
	other.send("orders", amqp.Publishing{Body: []byte{0xff}})
	peeked, _ := command(t, url, 0, "receive", "queue.orders", "--peek", "--count", "3")
	if n := other.left("orders"); n != 3 || len(lines(peeked)) != 3 || !strings.Contains(lines(peeked)[0], `"id":2`) {
		t.Errorf("%d messages are left after it peeked at\n%s", n, peeked)
	}
	stdout, _ := command(t, url, 0, "receive", "queue.orders", "--count", "2")
	want := []string{
		`{"body":{"id":2},"channel":"orders","headers":{"n":7},"priority":4,"redelivered":true,"type":"order"}`,
		`{"body":"plain <text>","channel":"orders","redelivered":true}`,
	}
	if got := lines(stdout); !slices.Equal(got, want) {
		t.Errorf("it received\n%s\nwant\n%s", stdout, strings.Join(want, "\n"))
	}
	if n := other.left("orders"); n != 1 {
		t.Errorf("%d messages are left, want the one that was not asked for", n)
	}
	if stdout, _ = command(t, url, 0, "receive", "queue.orders"); !strings.Contains(stdout, `"body_base64":"/w=="`) {
		t.Errorf("it received %s", stdout)
	}
	command(t, url, 3, "receive", "queue.orders", "--timeout", "100ms")
	if _, stderr := command(t, url, 1, "send", "queue.none", "--body", "x"); !strings.Contains(stderr, "queue none") {
		t.Errorf("of a queue that does not exist it says %s", stderr)
	}
	if _, stderr := command(t, url, 1, "receive", "queue.none"); !strings.Contains(stderr, "queue none") {
		t.Errorf("of a queue that does not exist it says %s", stderr)
	}
}

func TestReceive_Topic(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "client_topic")["client_topic"]
	other := dial(t, url)
	if err := other.ExchangeDeclare("news", "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	p := start(t, eipd(t, t.TempDir(), "receive", "topic.news", "--subscription", "cli", "--pattern", "a.*", "--follow", "--broker", url))
	until(t, "the subscription exists", func() bool {
		ch, err := other.conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		defer ch.Close()
		q, err := ch.QueueDeclarePassive("news.cli", true, false, false, false, nil)
		return err == nil && q.Consumers == 1
	})
	for key, body := range map[string]string{"b.c": "no", "a.b": "yes"} {
		command(t, url, 0, "send", "topic.news", "--key", key, "--body", body)
	}
	var got struct{ Body, Key string }
	if err := json.Unmarshal([]byte(p.line(t)), &got); err != nil || got.Body != "yes" || got.Key != "a.b" {
		t.Errorf("it received %+v (%v)", got, err)
	}
	p.interrupt(t)
	if len(p.printed) > 0 {
		t.Errorf("and %q", p.printed)
	}
	// The subscription is durable: what is sent while nobody listens waits.
	command(t, url, 0, "send", "topic.news", "--key", "a.c", "--body", "later")
	if stdout, _ := command(t, url, 0, "receive", "topic.news", "--subscription", "cli", "--pattern", "a.*"); !strings.Contains(stdout, `"body":"later"`) {
		t.Errorf("it received %s", stdout)
	}
}

func TestCall(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "call")["call"]
	dir := t.TempDir()
	write(t, dir, "flow.hcl", services)
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", url))
	p.ready(t)
	if stdout, _ := command(t, url, 0, "call", "queue.greet", "--body", "Ada", "--timeout", "1m"); stdout != "Hello, Ada!" {
		t.Errorf("the reply is %q", stdout)
	}
	stdout, stderr := command(t, url, 4, "call", "queue.half", "--body", "three", "--timeout", "1m")
	if stdout != "" || !strings.Contains(stderr, "eipd: the service answers with the error invalid: the request cannot be read") || strings.Contains(stderr, "three") {
		t.Errorf("an error reply prints %q, and %q", stdout, stderr)
	}
	p.interrupt(t)
	begun := dial(t, url)
	command(t, url, 3, "call", "queue.greet", "--body", "Ada", "--timeout", "300ms")
	if n := begun.left("greet"); n > 1 {
		t.Errorf("%d requests wait", n)
	}
}

func TestPing(t *testing.T) {
	n := rabbit.Shared(t)
	nobody := listen(t)
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		url  string
		code int
		says string
	}{
		"good":           {n.URL(), 0, "answers: RabbitMQ "},
		"wrong password": {"amqp://guest:secret@" + n.Address() + "/", 1, "login: "},
		"nobody listens": {"amqp://guest:secret@" + nobody.Addr().String() + "/", 1, "TCP: "},
		"nobody answers": {"amqp://guest:secret@" + listen(t).Addr().String() + "/", 3, "AMQP: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args := []string{"ping", tt.url}
			if tt.code == 3 {
				args = append(args, "--timeout", "200ms")
			}
			stdout, stderr, code := output(t, eipd(t, t.TempDir(), args...))
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) || strings.Contains(stdout+stderr, "secret") {
				t.Errorf("exit %d, want %d and %q in:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}

// A queue's dead-letter queue is there, though no flow uses it: RabbitMQ drops what
// has nowhere to go.
func TestRabbitMQ_DeadLetterQueue(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "dead")["dead"]
	dir, other := t.TempDir(), dial(t, url)
	write(t, dir, "flow.hcl", `
queue "in" {}
queue "slow" {
  ttl         = "10ms"
  dead_letter = queue.expired
}
queue "expired" { address = "slow.expired" }

flow "f" {
  from = queue.in
  to   = queue.slow
}
`)
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", url))
	p.ready(t)
	other.send("in", amqp.Publishing{Body: []byte("late")})
	if d := other.take("slow.expired"); string(d.Body) != "late" || d.Headers["x-death"] == nil {
		t.Errorf("got %s %v", d.Body, d.Headers)
	}
	p.interrupt(t)
}
