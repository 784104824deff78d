package amqp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// keys is how many different keys numbered messages have.
const keys = 7

// A rig is a flow from one queue to another on a node, over a network that can
// fail, and numbered messages in the first queue.
type rig struct {
	*testing.T
	node    *rabbit.Node
	network *netfault.Proxy
	broker  broker.Broker
	in, out broker.Channel
	flow    *eip.Flow
	n       int
}

// start starts the flow on n messages. edit changes it before.
func start(t *testing.T, n int, edit func(*rig)) *rig {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	r := &rig{T: t, node: rabbit.Shared(t), in: queue(t, "in"), out: queue(t, "out"), n: n}
	r.network = netfault.Start(t, r.node.Address())
	r.broker = open(t, config(t, "amqp://guest:guest@"+r.network.Address()+"/?heartbeat=1"))
	t.Cleanup(func() { r.mustNot(r.broker.Close()) })
	r.flow = &eip.Flow{Name: "flow", Window: 200}
	if edit != nil {
		edit(r)
	}
	r.fill()
	src, err := r.broker.Source(t.Context(), r.in, broker.Subscription{Prefetch: 200})
	r.mustNot(err)
	to, err := r.broker.Sender(t.Context(), r.out)
	r.mustNot(err)
	r.flow.Source, r.flow.To = src, to
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.flow.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		r.mustNot(<-ended)
		r.mustNot(src.Close())
		r.mustNot(to.Close())
	})
	return r
}

func (r *rig) mustNot(err error) {
	r.Helper()
	if err != nil {
		r.Error(err)
	}
}

// fill puts the numbered messages into the queue.
func (r *rig) fill() {
	r.Helper()
	conn, err := amqp091.Dial(r.node.URL())
	if err != nil {
		r.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	r.mustNot(err)
	_, err = ch.QueueDeclare(r.in.Address, true, false, false, false, nil)
	r.mustNot(err)
	r.mustNot(ch.Confirm(false))
	var last *amqp091.DeferredConfirmation
	for i := range r.n {
		last, err = ch.PublishWithDeferredConfirm("", r.in.Address, true, false, amqp091.Publishing{DeliveryMode: amqp091.Persistent, Body: []byte(body(i))})
		r.mustNot(err)
	}
	if last != nil && !last.Wait() {
		r.Fatal("a message was not confirmed")
	}
}

func body(i int) string {
	return fmt.Sprintf("%d of key %d %s", i, i%keys, strings.Repeat(".", 200))
}

// sent waits until the flow has sent so many messages.
func (r *rig) sent(n int64) {
	r.Helper()
	until(r.T, fmt.Sprintf("%d messages are sent", n), func() bool { return r.counts().Sent >= n })
}

// counts are what became of the flow's messages.
func (r *rig) counts() stats.Counts {
	business, _ := r.flow.Counts()
	return business
}

// until waits for what nothing but looking can tell.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// check expects every message in the queue at the end, those of each key in order,
// and returns how many came more than once.
func (r *rig) check() (doubled int) {
	r.Helper()
	conn, err := amqp091.Dial(r.node.URL())
	if err != nil {
		r.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	r.mustNot(err)
	deliveries, err := ch.Consume(r.out.Address, "", true, false, false, false, nil)
	r.mustNot(err)
	seen, last := make([]bool, r.n), map[int]int{}
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for left := r.n; left > 0; {
		select {
		case d := <-deliveries:
			var i, key int
			if _, err := fmt.Sscanf(string(d.Body), "%d of key %d ", &i, &key); err != nil || i >= r.n || string(d.Body) != body(i) {
				r.Fatalf("message %q was altered", d.Body)
			}
			if seen[i] {
				doubled++
				continue
			}
			seen[i] = true
			left--
			if before, ok := last[key]; ok && before > i {
				r.Errorf("message %d of key %d came after %d", i, key, before)
			}
			last[key] = i
			if d.DeliveryMode != amqp091.Persistent {
				r.Errorf("message %d is not persistent", i)
			}
		case <-late.C:
			r.Fatalf("%d of %d messages did not come", left, r.n)
		}
	}
	return doubled
}
