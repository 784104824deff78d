package amqp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// A look at a quorum queue is refused, or leaves each message five deliveries: however
// often somebody looks, and looks again where it was refused, none is lost.
func TestBrowse_OfQuorumQueues(t *testing.T) {
	const n = 100
	for name, test := range map[string]struct {
		limit any // of the queue, where the flow file says nothing
		given any // by the flow file
		looks int // that are not refused
		says  string
	}{
		"no limit known":                {nil, nil, 0, "how many it allows is not known"},
		"a limit of 3":                  {3, nil, 0, "allows 3 deliveries"},
		"a limit of 5":                  {5, nil, 0, "allows 5 deliveries"},
		"a limit of 6":                  {6, nil, 1, "fewer than 5 deliveries"},
		"a limit of 20":                 {20, nil, 15, "fewer than 5 deliveries"},
		"a limit of -1":                 {-1, nil, 0, "allows 0 deliveries"}, // to RabbitMQ 3 that is 0
		"a limit that is given":         {nil, 7, 2, "fewer than 5 deliveries"},
		"a lower one is given":          {20, 7, 2, "fewer than 5 deliveries"},
		"a higher one is given":         {7, 20, 2, "fewer than 5 deliveries"},
		"one that is given as a number": {nil, int64(3), 0, "allows 3 deliveries"},
	} {
		t.Run(name, func(t *testing.T) {
			node := rabbit.Shared(t)
			arguments := amqp091.Table{"x-queue-type": "quorum"}
			if test.limit != nil {
				arguments["x-delivery-limit"] = test.limit
			}
			q := "browse." + eip.NewID()
			sent := fill(t, node, q, arguments, n)
			b := open(t, config(t, node.URL()))
			defer b.Close()
			at := broker.Channel{Address: q, Durable: true}
			if test.given != nil {
				at.Arguments = map[string]any{"x-delivery-limit": test.given}
			}
			looked := 0
			for i := range 100 {
				price, err := b.(broker.Browser).Price(t.Context(), at)
				if err == nil && !price.Deliveries {
					t.Fatalf("the price of a look is %+v", price)
				}
				seen, err := browse(t, b, at)
				switch {
				case err == nil && len(seen) != n:
					until(t, "all are back", func() bool { // those of a quorum queue come back by and by
						seen, err = browse(t, b, at)
						return err != nil || len(seen) == n
					})
				case err == nil:
					if looked++; !slices.Equal(seen, sent) {
						t.Errorf("look %d shows another order: %q", i, seen)
					}
				case !strings.Contains(err.Error(), test.says):
					t.Fatalf("look %d gave %v", i, err)
				}
			}
			if looked > test.looks || looked == 0 && test.looks > 0 {
				t.Errorf("%d looks were not refused, and %d are harmless", looked, test.looks)
			}
			b.Close()
			got := bodies(node.Drain(t, q)) // a look that is refused half way gives back to behind what was given back before
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(sent))) {
				t.Errorf("of %d messages %d are left: %q", n, len(got), got)
			}
		})
	}
}

// Of a look that ends early, all comes back.
func TestBrowse_PartOfAQuorumQueue(t *testing.T) {
	node, q := rabbit.Shared(t), "browse."+eip.NewID()
	sent := fill(t, node, q, amqp091.Table{"x-queue-type": "quorum", "x-delivery-limit": 20}, 100)
	b := open(t, config(t, node.URL()))
	defer b.Close()
	at, seen := broker.Channel{Address: q, Durable: true}, []string{}
	for m, err := range b.(broker.Browser).Browse(t.Context(), at, broker.BrowseOptions{Most: 40}) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, string(m.Body()))
	}
	if !slices.Equal(seen, sent[:40]) {
		t.Errorf("the first 40 are %q", seen)
	}
	for _, err := range b.(broker.Browser).Browse(t.Context(), at, broker.BrowseOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	until(t, "all are back", func() bool {
		seen, err := browse(t, b, at)
		return err != nil || len(seen) == len(sent)
	})
	b.Close()
	if got := bodies(node.Drain(t, q)); len(got) != len(sent) {
		t.Errorf("of %d messages %d are left", len(sent), len(got))
	}
}

// Who reads a quorum queue beside the looks gets, with what is left, each message once.
func TestBrowse_BesideAReader(t *testing.T) {
	node, q := rabbit.Shared(t), "browse."+eip.NewID()
	sent := fill(t, node, q, amqp091.Table{"x-queue-type": "quorum", "x-delivery-limit": 20}, 500)
	b := open(t, config(t, node.URL()))
	defer b.Close()
	at := broker.Channel{Address: q, Durable: true}
	src, err := b.Source(t.Context(), at, broker.Subscription{Prefetch: 10})
	if err != nil {
		t.Fatal(err)
	}
	got, ended := []string{}, make(chan struct{})
	go func() {
		defer close(ended)
		for range len(sent) / 2 {
			m, err := src.Receive(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			got = append(got, string(m.Body()))
			eip.Deliver(t.Context(), eip.Discard, m)
		}
	}()
	for range 10 {
		if _, err := browse(t, b, at); err != nil {
			t.Fatal(err)
		}
	}
	<-ended
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	b.Close()
	all := append(got, bodies(node.Drain(t, q))...)
	if slices.Sort(all); !slices.Equal(all, slices.Sorted(slices.Values(sent))) {
		t.Errorf("of %d messages there were %d", len(sent), len(all))
	}
}

func TestBrowse_RefusesStreams(t *testing.T) {
	node := rabbit.Shared(t)
	q := "browse." + eip.NewID()
	fill(t, node, q, amqp091.Table{"x-queue-type": "stream"}, 1)
	b := open(t, config(t, node.URL()))
	defer b.Close()
	if _, err := b.(broker.Browser).Price(t.Context(), broker.Channel{Address: q, Durable: true}); err == nil || !strings.Contains(err.Error(), "stream") {
		t.Errorf("the price of looking at a stream is %v", err)
	}
}

func browse(t *testing.T, b broker.Broker, at broker.Channel) (seen []string, err error) {
	t.Helper()
	for m, err := range b.(broker.Browser).Browse(t.Context(), at, broker.BrowseOptions{}) {
		if err != nil {
			return seen, err
		}
		seen = append(seen, string(m.Body()))
	}
	return seen, nil
}

// fill makes a queue with numbered messages.
func fill(t *testing.T, node *rabbit.Node, queue string, arguments amqp091.Table, n int) (sent []string) {
	t.Helper()
	ch := node.Channel(t)
	if _, err := ch.QueueDeclare(queue, true, false, false, false, arguments); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		sent = append(sent, fmt.Sprint(i))
		c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp091.Publishing{Body: []byte(sent[i]), DeliveryMode: amqp091.Persistent})
		if err != nil || !c.Wait() {
			t.Fatalf("publish: %v", err)
		}
	}
	return sent
}

func bodies(all []amqp091.Delivery) (texts []string) {
	for _, d := range all {
		texts = append(texts, string(d.Body))
	}
	return texts
}
