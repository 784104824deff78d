package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// Every example that uses channels runs on RabbitMQ as it is.
func TestExamples_RabbitMQ(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "examples", "*", "flow.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]*example{}
	var folders []string
	for _, file := range files {
		e := readExample(t, file)
		if bytes.Contains(e.source, []byte("\nqueue \"")) || bytes.Contains(e.source, []byte("\ntopic \"")) {
			name := filepath.Base(filepath.Dir(file))
			examples[name] = e
			folders = append(folders, name)
		}
	}
	if len(folders) < 5 {
		t.Fatalf("found the examples %q", folders)
	}
	urls := rabbit.Shared(t).Vhosts(t, folders...)
	for _, name := range folders {
		t.Run(name, func(t *testing.T) {
			e, dir := examples[name], t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", name))); err != nil {
				t.Fatal(err)
			}
			c := eipd(t, dir, "run", "--broker", urls[name], "flow.hcl")
			c.Stdin = strings.NewReader(e.input)
			p, want := start(t, c), lines(e.output)
			var got []string
			for range want {
				got = append(got, p.line(t))
			}
			p.interrupt(t)
			got = append(got, p.printed...)
			if e.unordered {
				slices.Sort(got)
				slices.Sort(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("printed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// peer is a client of the broker that is not eipd.
type peer struct {
	*testing.T
	*amqp.Channel
	conn *amqp.Connection
}

func dial(t *testing.T, url string) *peer {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // what it has is of no more use
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return &peer{t, ch, conn}
}

func (p *peer) send(queue string, m amqp.Publishing) {
	p.Helper()
	if err := p.Publish("", queue, true, false, m); err != nil {
		p.Fatal(err)
	}
}

// take returns the next message of a queue. It takes no more than that, by a channel
// of its own, which gives back what came besides.
func (p *peer) take(queue string) *amqp.Delivery {
	p.Helper()
	ch, err := p.conn.Channel()
	if err != nil {
		p.Fatal(err)
	}
	defer ch.Close()
	if err := ch.Qos(1, 0, false); err != nil {
		p.Fatal(err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		p.Fatal(err)
	}
	select {
	case d, ok := <-deliveries:
		if !ok {
			p.Fatalf("the channel was closed while it waited for a message in %s", queue)
		}
		if err := d.Ack(false); err != nil {
			p.Fatal(err)
		}
		return &d
	case <-time.After(time.Minute):
		p.Fatalf("no message came to %s", queue)
	}
	return nil
}

// left is how many messages wait in a queue.
func (p *peer) left(queue string) int {
	p.Helper()
	q, err := p.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		p.Fatal(err)
	}
	return q.Messages
}

// runExample runs a file of examples/rabbitmq.
func runExample(t *testing.T, file string, args ...string) *process {
	t.Helper()
	p := start(t, eipd(t, t.TempDir(), append([]string{"run", filepath.Join(abs(t, root), "examples/rabbitmq", file)}, args...)...))
	p.ready(t)
	return p
}

func TestRabbitMQ_Bridge(t *testing.T) {
	urls := rabbit.Shared(t).Vhosts(t, "shop", "warehouse")
	shop, warehouse := dial(t, urls["shop"]), dial(t, urls["warehouse"])
	p := runExample(t, "bridge.hcl", "--var", "shop="+urls["shop"], "--var", "warehouse="+urls["warehouse"])
	for _, body := range []string{"one", "two", "three"} {
		shop.send("orders", amqp.Publishing{Body: []byte(body), Type: "order", Headers: amqp.Table{"n": int16(7)}})
	}
	for _, want := range []string{"one", "two", "three"} {
		if d := warehouse.take("shop.orders"); string(d.Body) != want || d.Type != "order" || d.Headers["n"] != int16(7) || len(d.Headers) != 1 {
			t.Errorf("got %s, %s %v; want %s", d.Body, d.Type, d.Headers, want)
		}
	}
	p.interrupt(t)
	if n := shop.left("orders"); n != 0 {
		t.Errorf("%d orders are left in the shop", n)
	}
}

func TestRabbitMQ_Tap(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "tap")["tap"]
	client := dial(t, url)
	p := runExample(t, "tap.hcl", "--broker", url)
	for _, body := range []string{`{"id": 1, "total": 20}`, `{"id": 2, "total":  2000}`} {
		client.send("orders", amqp.Publishing{Body: []byte(body)})
		if d := client.take("orders.out"); string(d.Body) != body {
			t.Errorf("got %s, want %s", d.Body, body)
		}
	}
	if d := client.take("orders.audit"); string(d.Body) != `{"id":2,"total":2000}` {
		t.Errorf("the auditors got %s", d.Body)
	}
	p.interrupt(t)
	if n := client.left("orders.audit"); n != 0 {
		t.Errorf("the auditors got %d more", n)
	}
}

// With shared = false each process gets every message of a topic.
func TestRabbitMQ_Unshared(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "unshared")["unshared"]
	client := dial(t, url)
	var processes []*process
	for range 2 {
		dir := t.TempDir()
		write(t, dir, "flow.hcl", `
topic "prices" {}
adapter "stdio" "out" {}
flow "own" {
  from   = topic.prices
  shared = false
  to     = adapter.out
}`)
		p := start(t, eipd(t, dir, "run", "--broker", url, "flow.hcl"))
		p.ready(t)
		processes = append(processes, p)
	}
	want := []string{"one", "two", "three"}
	for _, body := range want {
		if err := client.Publish("prices", "", false, false, amqp.Publishing{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range processes {
		for _, body := range want {
			if got := p.line(t); got != body {
				t.Errorf("a process got %s, want %s", got, body)
			}
		}
		p.interrupt(t)
	}
}

// exchange makes an exchange with a queue of somebody's, as a live system has it.
func (p *peer) exchange(kind, key string) {
	p.Helper()
	if err := p.ExchangeDeclare("orders", kind, true, false, false, false, nil); err != nil {
		p.Fatal(err)
	}
	if _, err := p.QueueDeclare("theirs", true, false, false, false, nil); err != nil {
		p.Fatal(err)
	}
	if err := p.QueueBind("theirs", key, "orders", false, nil); err != nil {
		p.Fatal(err)
	}
}

func TestRabbitMQ_Listen(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "listen")["listen"]
	client := dial(t, url)
	client.exchange("direct", "paid")
	p := runExample(t, "listen.hcl", "--broker", url)
	for _, m := range []struct{ key, body string }{{"open", `{"total": 3000}`}, {"paid", `{"total": 20}`}, {"paid", `{"total":  2000}`}} {
		if err := client.Publish("orders", m.key, true, false, amqp.Publishing{Body: []byte(m.body)}); err != nil {
			t.Fatal(err)
		}
	}
	if d := client.take("orders.audit"); string(d.Body) != `{"total":  2000}` {
		t.Errorf("the auditors got %s", d.Body)
	}
	for _, want := range []string{`{"total": 20}`, `{"total":  2000}`} {
		if d := client.take("theirs"); string(d.Body) != want {
			t.Errorf("the live system got %s, want %s", d.Body, want)
		}
	}
	p.interrupt(t)
	if n := client.left("orders.audit"); n != 0 {
		t.Errorf("the auditors got %d more", n)
	}
}

func TestRabbitMQ_Firehose(t *testing.T) {
	n := rabbit.Shared(t)
	url := n.Vhosts(t, "firehose")["firehose"]
	client := dial(t, url)
	client.exchange("fanout", "")
	p := runExample(t, "firehose.hcl", "--broker", url)
	n.Ctl(t, "trace_on", "-p", "firehose")
	t.Cleanup(func() { n.Ctl(t, "trace_off", "-p", "firehose") })
	for _, body := range []string{"one", "two"} {
		if err := client.Publish("orders", "", true, false, amqp.Publishing{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		if line := p.line(t); line != body {
			t.Errorf("it printed %s, want %s", line, body)
		}
	}
	p.interrupt(t)
}

func TestRabbitMQ_Reroute(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "reroute")["reroute"]
	client := dial(t, url)
	straight := runExample(t, "reroute.hcl", "--broker", url)
	client.send("orders", amqp.Publishing{Body: []byte("one")})
	if d := client.take("orders.out"); string(d.Body) != "one" {
		t.Errorf("got %s", d.Body)
	}
	straight.interrupt(t)

	checked := runExample(t, "reroute.hcl", "--broker", url, "--var", "check=true")
	client.send("orders", amqp.Publishing{Body: []byte("two")})
	d := client.take("orders.check")
	client.send("orders.checked", amqp.Publishing{Body: append(d.Body, ", checked"...)})
	if d := client.take("orders.out"); string(d.Body) != "two, checked" {
		t.Errorf("got %s", d.Body)
	}
	checked.interrupt(t)
}

func TestRabbitMQ_Watch(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "watch")["watch"]
	client, service := dial(t, url), dial(t, url)
	p := runExample(t, "watch.hcl", "--broker", url)
	const direct = "amq.rabbitmq.reply-to"
	replies, err := client.Consume(direct, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	client.send("prices", amqp.Publishing{Body: []byte("tea"), ReplyTo: direct, CorrelationId: "mine"})
	request := service.take("prices.service")
	service.send(request.ReplyTo, amqp.Publishing{Body: []byte("3 for " + string(request.Body)), CorrelationId: request.CorrelationId})
	select {
	case d := <-replies:
		if string(d.Body) != "3 for tea" || d.CorrelationId != "mine" {
			t.Errorf("got %q, %q", d.Body, d.CorrelationId)
		}
	case <-time.After(time.Minute):
		t.Error("no reply came")
	}
	p.interrupt(t)
}

// The flows of the quick start run on RabbitMQ as they are.
func TestQuickStart_RabbitMQ(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "quick_start")["quick_start"]
	dir, small, large := t.TempDir(), somePNG(t, 40, 40), somePNG(t, 300, 200)
	write(t, dir, "pictures/ada/sea.png", string(small))
	write(t, dir, "pictures/grace/town.png", string(large))
	p := start(t, eipd(t, dir, "run", "--broker", url, "--var", "listen=127.0.0.1:0", "--var", "samples=pictures/*/*",
		"--var", fmt.Sprint("over_large=", len(small)), abs(t, filepath.Join(root, "flows"))))
	got := []string{p.line(t), p.line(t)}
	slices.Sort(got)
	want := []string{
		"sea by ada, 40 x 40: thumbnails of 40 x 40, 40 x 40, 40 x 40",
		"town by grace, 300 x 200: thumbnails of 300 x 200, 300 x 200, 160 x 107",
	}
	if !slices.Equal(got, want) {
		t.Errorf("printed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	upload(t, "http://"+p.address(t)+"/images", "linus")
	if line := p.line(t); !strings.Contains(line, " by linus, 300 x 200") {
		t.Errorf("of the upload it printed: %s", line)
	}
	lists := []string{"audit.jsonl", "points.jsonl", "mail.txt"}
	until(t, "each picture is in each list", func() bool {
		for _, list := range lists {
			text, err := os.ReadFile(filepath.Join(dir, "out", list))
			if err != nil || bytes.Count(text, []byte("\n")) < 3 {
				return false
			}
		}
		return true
	})
	p.interrupt(t)
	for _, list := range lists {
		text := strings.Join(readLines(t, filepath.Join(dir, "out", list)), "\n")
		for _, user := range []string{"ada", "grace", "linus"} {
			if strings.Count(text, user) != 1 {
				t.Errorf("%s is not once about %s:\n%s", list, user, text)
			}
		}
	}
}

// A flow that the broker refuses is said to be, and keeps no other from running.
func TestRabbitMQ_Refused(t *testing.T) {
	n := rabbit.Shared(t)
	url := n.Vhosts(t, "forbidden")["forbidden"]
	n.Ctl(t, "add_user", "clerk", "geheim")
	t.Cleanup(func() { n.Ctl(t, "delete_user", "clerk") })
	n.Ctl(t, "set_permissions", "-p", "forbidden", "clerk", "^(open|eip).*", ".*", ".*")
	dir, client := t.TempDir(), dial(t, url)
	write(t, dir, "flow.hcl", `
queue "closed" {}
queue "in" { address = "open.in" }
queue "out" { address = "open.out" }
queue "dead" { address = "open.dead" }
flow "closed" {
  from        = queue.closed
  to          = queue.out
  dead_letter = queue.dead
}
flow "open" {
  from = queue.in
  to   = queue.out
}
`)
	clerk := strings.Replace(url, "guest:guest", "clerk:geheim", 1)
	stdout, stderr, code := output(t, eipd(t, dir, "plan", "flow.hcl", "--broker", clerk))
	if code != 1 || !strings.Contains(stdout, "! queue.closed     is refused\n") || !strings.Contains(stdout, "0 in conflict, 1 refused") {
		t.Errorf("plan: exit %d\n%s%s", code, stdout, stderr)
	}
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--broker", clerk))
	p.ready(t)
	client.send("open.in", amqp.Publishing{Body: []byte("passes")})
	if d := client.take("open.out"); string(d.Body) != "passes" {
		t.Errorf("got %s", d.Body)
	}
	for command, says := range map[string]string{"status": "flow closed is refused: ", "control list": "refused: "} {
		stdout, stderr, code := output(t, eipd(t, dir, strings.Fields(command)...))
		if code != 0 || !strings.Contains(stdout, says) || strings.Contains(stdout, "geheim") {
			t.Errorf("%s: exit %d\n%s%s", command, code, stdout, stderr)
		}
	}
	p.interrupt(t)
}
