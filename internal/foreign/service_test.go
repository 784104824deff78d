package foreign

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// Clients in other languages are answered by a service of four lines, and nothing is left
// of it but its queue.
func TestService_OtherLanguages(t *testing.T) {
	const count = "1000"
	rabbit.Require(t, ruby, bunny, python, pika)
	n := rabbit.Shared(t)
	url := n.Vhosts(t, "service")["service"]
	p := start(t, url, "../../examples/rpc/add.hcl")
	for _, c := range [][]string{{ruby, "add.rb", "direct"}, {ruby, "add.rb", "exclusive"}, {python, "add.py", "direct"}, {python, "add.py", "exclusive"}} {
		t.Run(strings.Join(c[1:], " "), func(t *testing.T) {
			if got := output(t, client(t, c[0], "../../examples/rpc/"+c[1], url, "call", c[2], count)); strings.TrimSpace(got) != count {
				t.Errorf("%s of %s replies are right", got, count)
			}
		})
	}
	if log := p.stop(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Errorf("its log is\n%s", log)
	}
	if left := queuesOf(t, n, "service"); !slices.Equal(left, []string{"add 0"}) {
		t.Errorf("the queues are %q", left)
	}
}

// queuesOf lists the queues of a vhost, with how many messages each has.
func queuesOf(t *testing.T, n *rabbit.Node, vhost string) []string {
	t.Helper()
	queues := strings.Split(strings.TrimSpace(n.Ctl(t, "list_queues", "-p", vhost, "name", "messages", "--no-table-headers")), "\n")
	for i, q := range queues {
		queues[i] = strings.Join(strings.Fields(q), " ")
	}
	slices.Sort(queues)
	return queues
}

// A rig asks the service of testdata/service.hcl, and does its work.
type rig struct {
	*testing.T
	channel       *amqp.Channel
	work, replies <-chan amqp.Delivery
	inbox         string
}

func newRig(t *testing.T, url string) *rig {
	t.Helper()
	ch := dial(t, url)
	r := &rig{T: t, channel: ch}
	for _, queue := range []string{"slow", "work"} {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.inbox = q.Name
	if r.replies, err = ch.Consume(q.Name, "", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if r.work, err = ch.Consume("work", "", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// ask sends a request.
func (r *rig) ask(m amqp.Publishing) {
	r.Helper()
	if err := r.channel.Publish("", "slow", true, false, m); err != nil {
		r.Fatal(err)
	}
}

// take waits for a delivery.
func (r *rig) take(from <-chan amqp.Delivery, what string) amqp.Delivery {
	r.Helper()
	select {
	case d := <-from:
		return d
	case <-time.After(time.Minute):
		r.Fatalf("there came no %s", what)
		panic("not reached")
	}
}

// do does a piece of work.
func (r *rig) do(d amqp.Delivery) {
	r.Helper()
	if err := r.channel.Publish("", d.ReplyTo, false, false, amqp.Publishing{CorrelationId: d.CorrelationId}); err != nil {
		r.Fatal(err)
	}
}

// Processes that compete for what waits already share it, and where one is killed the
// other one answers all.
func TestService_Competes(t *testing.T) {
	const requests, each, rounds = 800, 4, 80
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed=%v", killed), func(t *testing.T) {
			vhost := fmt.Sprintf("compete_%v", killed)
			n := rabbit.Shared(t)
			url := n.Vhosts(t, vhost)[vhost]
			r := newRig(t, url)
			for i := range requests {
				r.ask(amqp.Publishing{ReplyTo: r.inbox, CorrelationId: strconv.Itoa(i), DeliveryMode: amqp.Persistent})
			}
			a := start(t, url, "testdata/service.hcl", "--var", "who=A")
			start(t, url, "testdata/service.hcl", "--var", "who=B")
			// Both have all that they work on at once, for as long as much waits. Nothing is
			// done before both do.
			for range rounds {
				by := map[string]int{}
				var all []amqp.Delivery
				for len(all) < 2*each {
					d := r.take(r.work, "work from both of them")
					all = append(all, d)
					by[d.ReplyTo]++
				}
				if len(by) != 2 || by[all[0].ReplyTo] != each {
					t.Fatalf("they work on %v at once", by)
				}
				for _, d := range all {
					r.do(d)
				}
				if killed {
					break
				}
			}
			if killed {
				a.kill()
			}
			answered := map[string]string{}
			for len(answered) < requests {
				select {
				case d := <-r.work:
					r.do(d)
				case d := <-r.replies:
					if d.Headers["eip-error-code"] != nil {
						t.Fatalf("an error reply: %v", d.Headers)
					}
					answered[d.CorrelationId] = string(d.Body)
				case <-time.After(time.Minute):
					t.Fatalf("%d of %d requests were answered", len(answered), requests)
				}
			}
			share := map[string]int{}
			for _, who := range answered {
				share[who]++
			}
			if !killed && share["B"] < requests*40/100 || share["A"]+share["B"] != requests {
				t.Errorf("they have answered %v", share)
			}
			t.Logf("they have answered %v", share)
		})
	}
}

// Callers who gave up before they were answered leave nothing on the broker, and no
// error in the log.
func TestService_CallersThatGaveUp(t *testing.T) {
	const callers, at = 100, 4
	for name, tt := range map[string]struct {
		timeout string
		fails   bool // the work, and not in time
	}{"a late reply": {timeout: "0s"}, "a time-out": {"300ms", true}} {
		t.Run(name, func(t *testing.T) {
			vhost := "gave_up_" + strconv.FormatBool(tt.fails)
			n := rabbit.Shared(t)
			url := n.Vhosts(t, vhost)[vhost]
			r := newRig(t, url)
			p := start(t, url, "testdata/service.hcl", "--var", "timeout="+tt.timeout)
			conn, err := amqp.Dial(url)
			if err != nil {
				t.Fatal(err)
			}
			ch, err := conn.Channel()
			if err != nil {
				t.Fatal(err)
			}
			for i := range callers {
				q, err := ch.QueueDeclare("", false, true, true, false, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.ask(amqp.Publishing{ReplyTo: q.Name, CorrelationId: strconv.Itoa(i), Expiration: "300", DeliveryMode: amqp.Persistent})
			}
			var begun []amqp.Delivery
			for range at {
				begun = append(begun, r.take(r.work, "work"))
			}
			if err := conn.Close(); err != nil { // they all give up
				t.Fatal(err)
			}
			for left := callers; left > 0; { // what waits expires
				q, err := r.channel.QueueDeclarePassive("slow", true, false, false, false, nil)
				if err != nil {
					t.Fatal(err)
				}
				left = q.Messages
			}
			if !tt.fails {
				for _, d := range begun {
					r.do(d)
				}
			}
			// One who waits is answered, after all that was ahead.
			r.ask(amqp.Publishing{ReplyTo: r.inbox, CorrelationId: "patient", DeliveryMode: amqp.Persistent})
			for answered := false; !answered; {
				select {
				case d := <-r.work:
					r.do(d)
				case d := <-r.replies:
					answered = d.CorrelationId == "patient" && string(d.Body) == "nobody"
					if !answered {
						t.Fatalf("there came %+v", d)
					}
				case <-time.After(time.Minute):
					t.Fatal("nobody is answered any more")
				}
			}
			if log := p.stop(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "gone") {
				t.Errorf("its log is\n%s", log)
			}
			if err := r.channel.Close(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for left := []string(nil); !slices.Equal(left, []string{"slow 0", "work 0"}); left = queuesOf(t, n, vhost) {
				if ctx.Err() != nil {
					t.Fatalf("the queues are %q", left)
				}
			}
		})
	}
}
