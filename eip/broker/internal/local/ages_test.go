package local

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// depthOf is what b tells of a queue.
func depthOf(t *testing.T, b *Broker, name string) broker.Depth {
	t.Helper()
	d, ok := b.Depths(t.Context(), []broker.Item{{Channel: queueNamed(name)}})[0]
	if !ok {
		t.Fatalf("nothing is known of %s", name)
	}
	return d
}

func TestDepths(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(t *testing.T, b *Broker, to broker.Sender)
		wait   int
		oldest time.Duration
		less   time.Duration // by which it may be wrong
	}{
		"nothing": {do: func(*testing.T, *Broker, broker.Sender) {}},
		"one, some time ago": {func(t *testing.T, _ *Broker, to broker.Sender) {
			fill(t, to, 1)
			time.Sleep(time.Hour)
		}, 1, time.Hour, 0},
		"others came later": {func(t *testing.T, _ *Broker, to broker.Sender) {
			fill(t, to, 1)
			time.Sleep(time.Minute)
			fill(t, to, 3)
		}, 4, time.Minute, 0},
		"the first ones are taken": {func(t *testing.T, b *Broker, to broker.Sender) {
			fill(t, to, 5)
			time.Sleep(time.Hour)
			fill(t, to, 3)
			time.Sleep(time.Minute)
			src := sourceOf(t, b, queueNamed("q"), broker.Subscription{})
			for range 5 {
				eip.Deliver(t.Context(), eip.Discard, receive(t, src))
			}
			src.Close()
		}, 3, time.Minute, 0},
		"all are taken": {func(t *testing.T, b *Broker, to broker.Sender) {
			fill(t, to, 5)
			src := sourceOf(t, b, queueNamed("q"), broker.Subscription{})
			for range 5 {
				receive(t, src)
			}
		}, 0, 0, 0},
		"taken and given back": {func(t *testing.T, b *Broker, to broker.Sender) {
			fill(t, to, 5)
			src := sourceOf(t, b, queueNamed("q"), broker.Subscription{})
			receive(t, src)
			time.Sleep(time.Hour)
			src.Close()
		}, 5, time.Hour, 0},
		"a deep one": {func(t *testing.T, _ *Broker, to broker.Sender) {
			for range 5000 {
				fill(t, to, 1)
				time.Sleep(2 * time.Second)
			}
		}, 5000, 10_000 * time.Second, 0},
		"half of a deep one": {func(t *testing.T, b *Broker, to broker.Sender) {
			for range 5000 {
				fill(t, to, 1)
				time.Sleep(2 * time.Second)
			}
			src := sourceOf(t, b, queueNamed("q"), broker.Subscription{})
			for range 2500 {
				eip.Deliver(t.Context(), eip.Discard, receive(t, src))
			}
			src.Close()
		}, 2500, 5000 * time.Second, 400 * time.Second},
		"a new one after a deep one": {func(t *testing.T, b *Broker, to broker.Sender) {
			src := sourceOf(t, b, queueNamed("q"), broker.Subscription{})
			for range 5000 {
				fill(t, to, 1)
				time.Sleep(2 * time.Second)
			}
			for range 5000 {
				eip.Deliver(t.Context(), eip.Discard, receive(t, src))
			}
			src.Close()
			fill(t, to, 1)
			time.Sleep(time.Second)
		}, 1, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t)
				defer b.Close()
				test.do(t, b, senderTo(t, b, queueNamed("q")))
				d := depthOf(t, b, "q")
				if d.Messages != test.wait || d.Oldest < test.oldest-test.less || d.Oldest > test.oldest+test.less {
					t.Errorf("%d wait, the oldest for %v; want %d and %v, give or take %v", d.Messages, d.Oldest, test.wait, test.oldest, test.less)
				}
				if n := len(b.queues["q"].marks); n > maxMarks {
					t.Errorf("there are %d marks", n)
				}
			})
		})
	}
}

// A subscription is as deep as a queue; of a topic, of what is not there and of no
// subscription, nothing is known.
func TestDepths_OfSubscriptions(t *testing.T) {
	b := inMemory(t)
	defer b.Close()
	topic := broker.Channel{Kind: broker.Topic, Address: "t", Declare: true}
	sub := broker.Subscription{Name: "mail", Durable: true}
	sourceOf(t, b, topic, sub)
	fill(t, senderTo(t, b, topic), 2)
	got := b.Depths(t.Context(), []broker.Item{{Channel: topic}, {Channel: topic, Subscription: &sub},
		{Channel: topic, Subscription: &broker.Subscription{Name: "other"}}, {Channel: queueNamed("t")}, {Channel: queueNamed("none")}})
	if len(got) != 1 || got[1].Messages != 2 {
		t.Errorf("%v", got)
	}
}
