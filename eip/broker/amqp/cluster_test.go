package amqp_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

// clusterFlows has, for each node, a flow all whose queues are on it, and one whose
// queues are on all.
func clusterFlows(t *testing.T, nodes []*rabbit.Node) *flow.Config {
	t.Helper()
	var text strings.Builder
	for name, kind := range map[string]string{"one": "", "all": `queue_type = "quorum"`} {
		fmt.Fprintf(&text, "broker %q {\n url = %q\n urls = [%q, %q]\n %s\n reconnect {\n min = \"50ms\"\n max = \"1s\"\n }\n}\n",
			name, nodes[0].URL(), nodes[1].URL(), nodes[2].URL(), kind)
	}
	for i, on := range []string{"one", "one", "one", "all"} {
		fmt.Fprintf(&text, "queue \"in%d\" { broker = broker.%s }\nqueue \"out%d\" { broker = broker.%s }\n", i, on, i, on)
		fmt.Fprintf(&text, "flow \"f%d\" {\n from = queue.in%d\n to = queue.out%d\n}\n", i, i, i)
	}
	file := filepath.Join(t.TempDir(), "flow.hcl")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{file}, Broker: nodes[0].URL()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c
}

// To begin a cluster takes three nodes' starts, so there is one. What it is left with
// by the one test does not matter to the other.
func TestCluster(t *testing.T) {
	nodes := rabbit.Cluster(t, 3)
	t.Run("StuckQueue", func(t *testing.T) { stuckQueue(t, nodes) })
	t.Run("NodeDown", func(t *testing.T) { nodeDown(t, nodes) })
}

// Each node in turn is away, while flows run and when they start: what it alone
// holds waits, and nothing else.
func nodeDown(t *testing.T, nodes []*rabbit.Node) {
	for i, n := range nodes {
		ch := n.Channel(t)
		for _, q := range []string{"in%d", "out%d", "f%d.dead"} {
			if _, err := ch.QueueDeclare(fmt.Sprintf(q, i), true, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := clusterFlows(t, nodes)
	begin := func(name string) *host.Host {
		t.Helper()
		p := host.New(host.Options{Instance: name, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if _, err := p.Start(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := begin("a")
	for down, n := range nodes {
		n.Kill()
		other := nodes[(down+1)%3]
		isDown := func(p *host.Host) {
			t.Helper()
			until(t, "it says what waits", func() bool {
				state, why := control.StateOf(p.Flows()[down])
				return state == control.Waiting && strings.Contains(why, "home node")
			})
			for i := range 4 {
				if i != down {
					passes(t, other, i)
				}
			}
		}
		isDown(p)
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		p = clusterStarts(t, begin, down)
		isDown(p)
		plans, err := host.Plan(t.Context(), c, nil, "plan")
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range plans {
			for _, i := range b.Items {
				if (i.State == "down") != (b.Name == "one" && strings.ContainsAny(i.Channel.Address, fmt.Sprint(down))) {
					t.Errorf("with node %d away, %s on %s is %s (%v)", down, i.Name, b.Name, i.State, b.Err)
				}
			}
		}
		n.Restart(t)
		until(t, "nothing waits", func() bool {
			for _, f := range p.Flows() {
				if state, _ := control.StateOf(f); state != control.Running {
					return false
				}
			}
			return true
		})
		passes(t, n, down)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}

	// What has lost its quorum leaves who would consume without an answer.
	nodes[0].Kill()
	nodes[1].Kill()
	p = begin("c")
	passes(t, nodes[2], 2)
	for i, f := range p.Flows() {
		if state, why := control.StateOf(f); (state == control.Running) != (i == 2) {
			t.Errorf("with one node left, flow %d is %s %s", i, state, why)
		}
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

// clusterStarts starts the flows, all of which would be there but one.
func clusterStarts(t *testing.T, begin func(string) *host.Host, down int) *host.Host {
	t.Helper()
	p := begin(fmt.Sprint("b", down))
	if state, why := control.StateOf(p.Flows()[down]); state != control.Waiting {
		t.Errorf("started with node %d away, its flow is %s %s", down, state, why)
	}
	return p
}

// passes sends messages through a flow until one has passed: a queue that has just
// lost its leader may refuse one, be long in taking it, or end the connection.
func passes(t *testing.T, n *rabbit.Node, i int) {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Minute {
		err := passed(n, fmt.Sprint("in", i), fmt.Sprint("out", i))
		if err == nil {
			t.Logf("a message passed the flow f%d after %v", i, time.Since(began))
			return
		}
		t.Logf("flow f%d: %v", i, err)
	}
	t.Fatalf("nothing passes the flow f%d in %v:\n%s", i, time.Since(began), n.Ctl(t, "list_queues", "name", "type", "messages", "consumers", "state", "leader"))
}

func passed(n *rabbit.Node, in, out string) error {
	conn, err := amqp091.Dial(n.URL())
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	body := fmt.Sprint(time.Now().UnixNano())
	if err := ch.Publish("", in, true, false, amqp091.Publishing{DeliveryMode: 2, Body: []byte(body)}); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < 3*time.Second; time.Sleep(20 * time.Millisecond) { // there is nothing to wait on
		for {
			d, ok, err := ch.Get(out, true)
			switch {
			case err != nil:
				return err
			case ok && string(d.Body) >= body:
				return nil
			}
			if !ok {
				break
			}
		}
	}
	return errors.New("nothing came")
}
