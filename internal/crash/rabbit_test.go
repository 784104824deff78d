package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// brokerFlow is a detour, a content router, a recipient list, and a dead-letter
// queue, over RabbitMQ.
const brokerFlow = `
queue "in"   { %[1]s }
queue "b"    { %[1]s }
queue "c"    { %[1]s }
queue "d"    { %[1]s }
queue "dead" { %[1]s }

flow "route" {
  from        = queue.in
  concurrency = 4
  order_by    = "body.key"
  dead_letter = queue.dead

  detour "mark" {
    transform { headers = { first = "'yes'" } }
    transform { headers = { last = "'yes'" } }
  }
  content_router {
    when "list" {
      if = "len(body.to) > 1"
      recipient_list {
        recipients = "map(body.to, 'queue.' + #)"
        allow      = [queue.b, queue.c, queue.d]
      }
    }
    when "b" {
      if = "body.to[0] == 'b'"
      to = queue.b
    }
    when "c" {
      if = "body.to[0] == 'c'"
      to = queue.c
    }
    when "d" {
      if = "body.to[0] == 'd'"
      to = queue.d
    }
  }
}
`

// An order is a message on its way over RabbitMQ.
type order struct {
	N   int      `json:"n"`
	Key string   `json:"key"`
	To  []string `json:"to"`
}

var routes = [][]string{{"b"}, {"c"}, {"b", "c", "d"}, {"d"}, {"c", "d"}, {"b"}}

func ordered(n int) order { return order{n, fmt.Sprintf("k%d", n*7919%keys), routes[n%len(routes)]} }

// queues are where message n belongs. Some messages belong nowhere: they are no
// JSON, or name a queue that there is not.
func queues(n int) []string {
	if n%97 == 0 || n%101 == 0 {
		return []string{"dead"}
	}
	return ordered(n).To
}

func orderBody(n int) []byte {
	if n%97 == 0 {
		return fmt.Appendf(nil, "%d is no JSON", n)
	}
	o := ordered(n)
	if n%101 == 0 {
		o.To = []string{"elsewhere"}
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // never
	}
	return b
}

func orderNumber(body []byte) (n int, ok bool) {
	var o order
	if json.Unmarshal(body, &o) == nil {
		n = o.N
	} else if _, err := fmt.Sscanf(string(body), "%d is no JSON", &n); err != nil {
		return 0, false
	}
	return n, n >= 0 && string(orderBody(n)) == string(body)
}

// While eipd is killed, RabbitMQ is killed, and connections between them are cut
// and swallowed, nothing is lost, altered or misrouted, every key keeps its order,
// and little comes twice. EIPD_SOAK=1 makes it longer.
func TestRabbit(t *testing.T) {
	node := rabbit.Start(t)
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			n, lives, rate := scale(6_000, 3_000), 5, 3_000
			if soak() {
				n, lives, rate = 60_000, 30, 1_500
			}
			f := &faults{T: t, node: node, quorum: kind == "quorum", lives: lives}
			f.run(n, rate)
		})
	}
}

// faults runs eipd over a network that fails, on a node that is killed.
type faults struct {
	*testing.T
	node    *rabbit.Node
	quorum  bool
	lives   int
	network *netfault.Proxy
	eipd    *process
	dir     string
}

func (f *faults) run(n, rate int) {
	f.network = netfault.Start(f.T, f.node.Address())
	f.dir = f.TempDir()
	options := ""
	if f.quorum {
		options = `arguments = { "x-queue-type" = "quorum", "x-delivery-limit" = 1000 }`
	}
	write(f.T, f.dir, "flow.hcl", fmt.Sprintf(brokerFlow, options))
	f.start()
	if f.quorum { // of a quorum queue, a node writes down a little later that it exists
		time.Sleep(time.Second)
	}
	p := publish(f.T, f.node, n, rate)
	stop := f.toggle()
	for life := range f.lives {
		p.until(f.T, n/4+(3*n/4)*(life+1)/(f.lives+1))
		f.fault(life)
	}
	p.wait()
	stop()
	f.drain()
	if left := f.node.Drain(f.T, "in"); len(left) > 0 {
		f.Errorf("%d messages were left where they came from", len(left))
	}
	f.node.Sync(f.T)    // that "in" is deleted
	f.node.Restart(f.T) // what is not persistent is gone
	f.check(p)
}

// start starts eipd. It is ready when it consumes.
func (f *faults) start() {
	f.eipd = run(f.T, f.dir, "--broker", "amqp://guest:guest@"+f.network.Address()+"/?heartbeat=1", "flow.hcl")
}

// toggle switches the detour on and off, for whoever listens, until it is stopped.
func (f *faults) toggle() (stop func()) {
	ctx, cancel := context.WithCancel(f.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for on := true; ; on = !on {
			_ = f.command(fmt.Sprintf(`{"command": "set", "target": "route.mark", "args": {"enabled": %t}}`, on)) // the node may be down
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// command gives a command to every process that listens.
func (f *faults) command(text string) error {
	ch, hangUp, err := dial(f.node.URL())
	if err != nil {
		return err
	}
	defer hangUp()
	return ch.Publish("eip.control", "", false, false, amqp.Publishing{Body: []byte(text)})
}

// fault does one thing to the network, and one to a process.
func (f *faults) fault(life int) {
	switch life % 12 {
	case 0, 6:
		f.network.Cut()
	case 2:
		f.network.Snip()
		f.pause(100 * time.Millisecond)
	case 4:
		f.network.Hole()
		f.pause(time.Second)
		f.network.Open()
	case 8:
		f.network.Hole()
		f.pause(2 * time.Second)
		f.network.Cut()
		f.network.Open()
	case 10:
		f.network.Slow(20_000)
		f.pause(2 * time.Second)
		f.network.Slow(0)
	}
	switch life {
	case f.lives / 2:
		f.node.Restart(f.T)
	case f.lives - 1:
		f.eipd.signal(syscall.SIGSTOP)
		f.pause(500 * time.Millisecond)
		f.eipd.signal(syscall.SIGCONT)
	case f.lives / 3:
		f.eipd.signal(syscall.SIGTERM)
		if code := f.eipd.exit(); code != 0 {
			f.Errorf("stopped with exit code %d:\n%s", code, f.eipd.logged())
		}
		f.start()
	default:
		f.eipd.kill()
		f.start()
	}
}

// pause is how long a fault lasts.
func (f *faults) pause(most time.Duration) { time.Sleep(rand.N(most)) }

// drain lets eipd finish, and stops it.
func (f *faults) drain() {
	ch := f.node.Channel(f.T)
	look := func() amqp.Queue {
		q, err := ch.QueueDeclarePassive("in", true, false, false, false, nil)
		if err != nil {
			f.Fatal(err)
		}
		return q
	}
	waiting := func() bool { return look().Messages > 0 }
	for {
		until(f.T, "the queue is empty", func() bool { return !waiting() })
		f.eipd.signal(syscall.SIGTERM)
		if code := f.eipd.exit(); code != 0 {
			f.Errorf("stopped with exit code %d:\n%s", code, f.eipd.logged())
		}
		until(f.T, "its consumer is gone", func() bool { return look().Consumers == 0 }) // and what it gave back is there
		if !waiting() || f.Failed() {
			return
		}
		f.start() // it gave some back
	}
}

// check reads all queues, and compares them with what was published.
func (f *faults) check(p *publisher) {
	doubled, marked, plain := 0, 0, 0
	for _, queue := range []string{"b", "c", "d", "dead"} {
		times, last := make([]int, p.n), map[string]int{}
		for _, d := range f.node.Drain(f.T, queue) {
			n, ok := orderNumber(d.Body)
			if !ok || n >= p.n {
				f.Fatalf("%s has what nobody sent: %.100q", queue, d.Body)
			}
			switch first, last := d.Headers["first"], d.Headers["last"]; {
			case queue == "dead": // it failed on the way, and goes there as it came
			case first != last:
				f.Errorf("%s has message %d, which went half through the detour: %v", queue, n, d.Headers)
			case first == nil:
				plain++
			default:
				marked++
			}
			if !slices.Contains(queues(n), queue) {
				f.Fatalf("%s has message %d, which belongs to %v", queue, n, queues(n))
			}
			if times[n]++; times[n] > 1 {
				doubled++
				continue
			}
			key := ordered(n).Key
			if before, ok := last[key]; ok && before > n && queue != "dead" {
				f.Errorf("%s has message %d of key %s behind %d", queue, n, key, before)
			}
			last[key] = n
		}
		lost := 0
		for n := range times {
			if times[n] == 0 && p.confirmed[n] && slices.Contains(queues(n), queue) {
				lost++
			}
		}
		if lost > 0 {
			f.Errorf("%s lacks %d messages", queue, lost)
		}
	}
	f.Logf("%d messages, %d faults: %d came twice (%.2f %%); %d by the detour, %d not", p.n, f.lives, doubled, 100*float64(doubled)/float64(p.n), marked, plain)
	if marked == 0 || plain == 0 {
		f.Error("the detour was not switched")
	}
	// Each fault doubles what is under way, of which there are less than 200 on the average. A node
	// that is killed forgets what was acknowledged to its classic queues of late.
	if most := 200 * f.lives; f.quorum && doubled > most {
		f.Errorf("%d messages came twice, more than %d", doubled, most)
	}
	if soak() && doubled > p.n/50 {
		f.Errorf("%d messages came twice, more than 2 %%", doubled)
	}
	if log := f.eipd.logged(); strings.Contains(log, "panic") {
		f.Errorf("eipd logged:\n%s", log)
	}
}
