package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// fromTo is a flow from NAME_in to NAME_out.
func fromTo(name, more string) string {
	return fmt.Sprintf("queue \"%[1]s_in\" {}\nqueue \"%[1]s_out\" {}\nflow %[1]q {\n  from = queue.%[1]s_in\n  %[2]s\n  to = queue.%[1]s_out\n}\n", name, more)
}

// A load is numbered messages through a flow of fromTo.
type load struct {
	name string
	rate int // messages a second
	sent int // to be read when sending has ended

	mu   sync.Mutex
	came []int // numbers, in order
	seen map[int]bool
	gaps []time.Duration // between two that came, where they are long
}

const longGap = 50 * time.Millisecond

// read notes what comes until the connection ends.
func (l *load) read(deliveries <-chan amqp.Delivery) {
	last := time.Now()
	for d := range deliveries {
		n, err := strconv.Atoi(string(d.Body))
		if err != nil {
			n = -1
		}
		l.mu.Lock()
		now := time.Now()
		if gap := now.Sub(last); gap > longGap {
			l.gaps = append(l.gaps, gap)
		}
		last = now
		l.came = append(l.came, n)
		l.seen[n] = true
		l.mu.Unlock()
	}
}

// send sends as many as the time asks for, until it is over.
func (l *load) send(to *peer, over <-chan struct{}) {
	tick, began := time.NewTicker(5*time.Millisecond), time.Now()
	defer tick.Stop()
	for {
		for due := int(time.Since(began).Seconds() * float64(l.rate)); l.sent < due; l.sent++ {
			to.send(l.name+"_in", amqp.Publishing{Body: []byte(strconv.Itoa(l.sent)), DeliveryMode: amqp.Persistent})
		}
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

func (l *load) distinct() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

// consumers are the consumer tags and AMQP channels by which queues of a vhost are read.
func consumers(t *testing.T, n *rabbit.Node, vhost string) map[string]string {
	t.Helper()
	text := n.Eval(t, fmt.Sprintf(`[lists:flatten(io_lib:format("~s ~s ~p", [element(4, proplists:get_value(queue_name, C)), proplists:get_value(consumer_tag, C), proplists:get_value(channel_pid, C)])) || C <- rabbit_amqqueue:consumers_all(<<%q>>)]`, vhost))
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`"(\S+) ([^"]+)"`).FindAllStringSubmatch(text, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// A hundred reloads under load, by signals and by commands, of changed, new, removed and
// broken files, neither lose nor double anything. Flows that are the same keep their order
// and consumers, and so do all where a reload is refused.
func TestReload_RabbitMQ(t *testing.T) {
	node := rabbit.Shared(t)
	url := node.Vhosts(t, "reload")["reload"]
	dir := t.TempDir()
	files := func(texts map[string]string) {
		for name, text := range texts {
			if text != "" {
				write(t, dir, filepath.Join("flows", name), text)
			} else if err := os.Remove(filepath.Join(dir, "flows", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	files(map[string]string{"keeps.hcl": fromTo("keeps", ""), "changes.hcl": fromTo("changes", ""), "comes.hcl": fromTo("comes", "")})
	p := start(t, eipd(t, dir, "run", "flows", "--broker", url))
	p.ready(t)
	loads := []*load{{name: "keeps", rate: 1000}, {name: "changes", rate: 500}, {name: "comes", rate: 500}}
	over := make(chan struct{})
	var sending, reading sync.WaitGroup
	t.Cleanup(reading.Wait) // when connections are closed
	for _, l := range loads {
		l.seen = map[int]bool{}
		out, in := dial(t, url), dial(t, url)
		deliveries, err := out.Consume(l.name+"_out", "", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() { l.read(deliveries) })
		sending.Go(func() { l.send(in, over) })
	}
	first := consumers(t, node, "reload")
	next := time.NewTicker(100 * time.Millisecond) // some load comes between
	defer next.Stop()
	for i := range 100 {
		<-next.C
		changed := fromTo("changes", fmt.Sprintf("filter { if = \"body != '-%d'\" }", i))
		want, refused := "changed=[changes] new=[] gone=[]", ""
		switch i % 5 {
		case 0, 4:
			files(map[string]string{"changes.hcl": changed, "comes.hcl": fromTo("comes", "")})
		case 1:
			files(map[string]string{"changes.hcl": changed, "comes.hcl": "", "more.hcl": fromTo("more", "")})
			want = "changed=[changes] new=[more] gone=[comes]"
		case 2:
			files(map[string]string{"comes.hcl": fromTo("comes", ""), "more.hcl": ""})
			want = "changed=[] new=[comes] gone=[more]"
		case 3:
			files(map[string]string{"changes.hcl": fromTo("changes", "filter {"), "comes.hcl": "", "new.hcl": fromTo("new", "")})
			refused = "flows/changes.hcl:"
		}
		var before map[string]string
		if i < 10 && refused != "" {
			before = consumers(t, node, "reload")
		}
		if i%2 == 0 {
			if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			if refused != "" {
				p.says(t, "nothing was loaded anew", refused)
			} else {
				p.says(t, "flows loaded anew", want)
			}
		} else if refused != "" {
			_, stderr := asking(t, eipd(t, dir, "control", "reload"), exitFailed)
			holds(t, stderr, refused)
		} else {
			asking(t, eipd(t, dir, "control", "reload"), 0)
			p.says(t, "flows loaded anew", want)
		}
		if before != nil {
			if after := consumers(t, node, "reload"); after["comes_in"] == "" || !maps.Equal(before, after) {
				t.Errorf("a reload was refused, and after %v there consume %v", before, after)
			}
		}
		if refused != "" {
			files(map[string]string{"new.hcl": ""})
		}
	}
	if last := consumers(t, node, "reload"); first["keeps_in"] == "" || first["keeps_in"] != last["keeps_in"] || first["changes_in"] == last["changes_in"] {
		t.Errorf("after %v there consume %v", first, last)
	}
	close(over)
	sending.Wait()
	for _, l := range loads {
		until(t, "all has come by "+l.name, func() bool { return l.distinct() >= l.sent })
	}
	p.interrupt(t)
	other := dial(t, url)
	for _, l := range loads {
		if n := other.left(l.name + "_in"); n > 0 {
			t.Errorf("%d messages are left in %s_in", n, l.name)
		}
		until(t, "the rest is read", func() bool { return other.left(l.name+"_out") == 0 })
		l.mu.Lock()
		for i, n := range l.came {
			if l.name == "keeps" && n != i {
				t.Errorf("the flow that is the same has sent %d as number %d", n, i)
				break
			}
		}
		if len(l.seen) != l.sent || len(l.came) != l.sent { // also flows that change finish what they have begun
			t.Errorf("%d messages were sent; by %s %d came, %d different ones", l.sent, l.name, len(l.came), len(l.seen))
		}
		slices.Sort(l.gaps)
		t.Logf("%s: %d messages, %d gaps over %v, the longest %v", l.name, l.sent, len(l.gaps), longGap, l.gaps[max(0, len(l.gaps)-3):])
		l.mu.Unlock()
	}
}

// While a flow that changes finishes what it has in flight, others go on.
func TestReload_WaitsAlone(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "waits")["waits"]
	dir := t.TempDir()
	asks := fromTo("asks", "request {\n    to      = queue.service\n    timeout = \"5m\"\n  }") + "queue \"service\" {}\n"
	write(t, dir, "flows/keeps.hcl", fromTo("keeps", ""))
	write(t, dir, "flows/asks.hcl", asks)
	p, other := start(t, eipd(t, dir, "run", "flows", "--broker", url, "--grace", "2m")), dial(t, url)
	p.ready(t)
	other.send("asks_in", amqp.Publishing{Body: []byte("?")})
	request := other.take("service")
	write(t, dir, "flows/asks.hcl", strings.Replace(asks, "request {", "filter { if = \"true\" }\n  request {", 1))
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(t, "flows are to be loaded anew")
	for i := range 100 {
		body := strconv.Itoa(i)
		other.send("keeps_in", amqp.Publishing{Body: []byte(body)})
		if got := string(other.take("keeps_out").Body); got != body {
			t.Fatalf("got %s, want %s", got, body)
		}
	}
	for waiting := true; waiting; {
		select {
		case l := <-p.log:
			if p.seen = append(p.seen, l); strings.Contains(l, "flows loaded anew") {
				t.Error("the flow that changed did not finish what it had begun")
			}
		default:
			waiting = false
		}
	}
	other.send(request.ReplyTo, amqp.Publishing{CorrelationId: request.CorrelationId, Body: []byte("!")})
	p.says(t, "flows loaded anew", "changed=[asks]")
	if got := string(other.take("asks_out").Body); got != "!" {
		t.Errorf("got %s", got)
	}
	p.interrupt(t)
	if n := other.left("asks_in") + other.left("asks_out") + other.left("service"); n > 0 {
		t.Errorf("%d messages are left", n)
	}
}
