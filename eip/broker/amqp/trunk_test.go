package amqp_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// outcome sends a message; it is told how that ended.
func outcome(t *testing.T, s broker.Sender, m *eip.Message) <-chan error {
	t.Helper()
	settled := make(chan error, 1)
	eip.Deliver(t.Context(), s, m.Fork(func(err error) { settled <- err }))
	return settled
}

// What goes wrong with one sender is no matter of another's on the same AMQP channel:
// its messages come, in order, and once where the channel stays open.
func TestSenders_DisturbNobody(t *testing.T) {
	n := rabbit.Shared(t)
	ch := n.Channel(t)
	plain := func() *eip.Message { return eip.New([]byte("x"), nil) }
	for _, test := range []struct {
		name    string
		target  func(*testing.T) broker.Channel
		spoil   func(*testing.T, broker.Channel)
		message func() *eip.Message
		right   func(error) bool
		once    bool
	}{
		{"a message closes the channel", func(t *testing.T) broker.Channel { return queue(t, "b") }, nil,
			func() *eip.Message { return plain().With(func(m *eip.Message) { m.ReplyTo = "amq.rabbitmq.reply-to" }) }, eip.IsPermanent, false},
		{"a queue that others declare is gone", func(t *testing.T) broker.Channel {
			c := queue(t, "b")
			c.Declare = false
			if _, err := ch.QueueDeclare(c.Address, true, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
			return c
		}, func(t *testing.T, c broker.Channel) {
			if _, err := ch.QueueDelete(c.Address, false, false, false); err != nil {
				t.Fatal(err)
			}
		}, plain, func(err error) bool { return err != nil }, true},
		{"its own queue is gone", func(t *testing.T) broker.Channel { return queue(t, "b") }, func(t *testing.T, c broker.Channel) {
			if _, err := ch.QueueDelete(c.Address, false, false, false); err != nil {
				t.Fatal(err)
			}
		}, plain, func(err error) bool { return err == nil }, true},
		{"its topic is gone", func(t *testing.T) broker.Channel {
			c := queue(t, "b")
			c.Kind = broker.Topic
			return c
		}, func(t *testing.T, c broker.Channel) {
			if err := ch.ExchangeDelete(c.Address, false, false); err != nil {
				t.Fatal(err)
			}
		}, plain, func(err error) bool { return err == nil }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := open(t, config(t, n.URL()))
			defer b.Close()
			spared, target := queue(t, "a"), test.target(t)
			a, err := b.Sender(t.Context(), spared)
			if err != nil {
				t.Fatal(err)
			}
			other, err := b.Sender(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			const messages, faults = 3000, 5
			var waiting []<-chan error
			for i := range messages {
				waiting = append(waiting, outcome(t, a, eip.New(fmt.Append(nil, i), nil)))
				if i%(messages/faults) != messages/faults/2 {
					continue
				}
				if test.spoil != nil {
					test.spoil(t, target)
				}
				if err := <-outcome(t, other, test.message()); !test.right(err) {
					t.Errorf("the message that goes wrong settled with %v", err)
				}
			}
			for i, w := range waiting {
				if err := <-w; err != nil {
					t.Fatalf("message %d beside it settled with %v", i, err)
				}
			}
			if twice := numbers(t, ch, spared.Address, messages); test.once && twice > 0 {
				t.Errorf("%d messages beside it came twice", twice)
			}
		})
	}
}

// A queue that has lost its quorum confirms nothing, and holds up nobody else on the same
// AMQP channel.
func stuckQueue(t *testing.T, nodes []*rabbit.Node) {
	b := open(t, config(t, nodes[0].URL()))
	defer b.Close()
	stuck, free := queue(t, "stuck"), queue(t, "free")
	stuck.Arguments = map[string]any{"x-queue-type": "quorum"}
	var senders []broker.Sender
	for _, c := range []broker.Channel{stuck, free} {
		s, err := b.Sender(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		senders = append(senders, s)
	}
	nodes[1].Kill()
	nodes[2].Kill()
	waits := outcome(t, senders[0], eip.New([]byte("x"), nil))
	for i := range 2000 {
		if err := <-outcome(t, senders[1], eip.New(fmt.Append(nil, i), nil)); err != nil {
			t.Fatalf("message %d beside it settled with %v", i, err)
		}
	}
	if len(waits) > 0 {
		t.Fatalf("the queue was not stuck: %v", <-waits)
	}
	for _, n := range nodes[1:] {
		n.Launch(t)
	}
	for _, n := range nodes[1:] {
		n.Await(t)
	}
	if err := <-waits; err != nil {
		t.Errorf("the message that waited settled with %v", err)
	}
}

// numbers reads the numbers up to n from a queue, in order, and returns how many came
// again.
func numbers(t *testing.T, ch *amqp091.Channel, queue string, n int) (twice int) {
	t.Helper()
	for next := 0; next < n; {
		d, ok, err := ch.Get(queue, true)
		if err != nil || !ok {
			t.Fatalf("queue %s ends before number %d: %v", queue, next, err)
		}
		switch i := -1; {
		case func() bool { _, err := fmt.Sscan(string(d.Body), &i); return err != nil || i > next }():
			t.Fatalf("queue %s has %q where %d is missing", queue, d.Body, next)
		case i < next:
			twice++
		default:
			next++
		}
	}
	return twice
}

// A broker allows few AMQP channels on a connection, and there are many flows: more
// connections are opened. When all are lost, all goes on.
func TestChannels_Few(t *testing.T) {
	for _, most := range []int{2, 10} {
		t.Run(fmt.Sprint(most), func(t *testing.T) { allow(t, most) })
	}
}

func allow(t *testing.T, most int) {
	n := rabbit.Shared(t)
	n.Set(t, "channel_max", most)
	network := netfault.Start(t, n.Address())
	b := open(t, config(t, "amqp://guest:guest@"+network.Address()+"/"))
	defer b.Close()
	flows, messages := 4*most+20, 200
	ctx, stop := context.WithCancel(t.Context())
	var ended, opened sync.WaitGroup
	defer ended.Wait()
	defer stop()
	ins, outs := make([]broker.Sender, flows), make([]broker.Channel, flows)
	for i := range flows {
		opened.Go(func() {
			in, out := queue(t, fmt.Sprint("in", i)), queue(t, fmt.Sprint("out", i))
			src, err := b.Source(ctx, in, broker.Subscription{})
			if err != nil {
				t.Error(err)
				return
			}
			to, err := b.Sender(ctx, out)
			if err != nil {
				t.Error(err)
				return
			}
			if ins[i], err = b.Sender(ctx, in); err != nil {
				t.Error(err)
			}
			outs[i] = out
			f := &eip.Flow{Name: fmt.Sprint("flow", i), Source: src, To: to}
			ended.Go(func() { _ = f.Run(ctx) })
		})
	}
	opened.Wait()
	if t.Failed() {
		return
	}
	var waiting []<-chan error
	for i := range messages {
		for _, in := range ins {
			waiting = append(waiting, outcome(t, in, eip.New(fmt.Append(nil, i), nil)))
		}
		if i == messages/2 {
			network.Cut()
		}
	}
	for _, w := range waiting {
		if err := <-w; err != nil {
			t.Fatalf("a message settled with %v", err)
		}
	}
	for _, out := range outs {
		t.Run(out.Address, func(t *testing.T) { arrive(t, n, out.Address, messages) })
	}
}

// arrive reads the numbers up to n from a queue as they come, in order.
func arrive(t *testing.T, n *rabbit.Node, queue string, messages int) {
	deliveries, err := n.Channel(t).Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for next := 0; next < messages; {
		i, d := -1, <-deliveries
		if _, err := fmt.Sscan(string(d.Body), &i); err != nil || i > next {
			t.Fatalf("%q came where %d is missing", d.Body, next)
		}
		if i == next {
			next++
		}
	}
}
