package eiptest

import (
	"maps"
	"time"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
)

// tellingTests are of what a broker can tell, and of what it keeps beside messages.
var tellingTests = map[string]func(*brokerTest){
	"Capability/Idle": func(t *brokerTest) {
		idler, ok := t.b.(broker.Idler)
		if !ok {
			t.Skip("the broker is not inside this process")
		}
		q, unread := t.queue("q"), t.queue("unread")
		t.sendTo(unread, "does not count, as nobody reads it")
		src := t.source(q, broker.Subscription{})
		t.sendTo(q, "1")
		if idler.Idle() {
			t.Error("idle while a message waits")
		}
		h := t.hold(src)
		if idler.Idle() {
			t.Error("idle while a message is not settled")
		}
		h.settle(errOnPurpose)
		if idler.Idle() {
			t.Error("idle while a message waits again")
		}
		t.expect(src, "1")
		for !idler.Idle() {
			if t.ctx.Err() != nil {
				t.Fatal("never idle")
			}
			t.elapse(time.Millisecond) // there is nothing to wait on
		}
		t.close(src)
	},

	"Capability/Depths": func(t *brokerTest) {
		deep := func() broker.Deep {
			d, ok := t.b.(broker.Deep)
			if !ok {
				t.Fatal("the broker cannot tell how much waits")
			}
			return d
		}
		q, topic := t.queue("q"), t.topic("t")
		sub := broker.Subscription{Name: "s", Durable: true}
		of := []broker.Item{{Channel: t.queue("absent")}, {Channel: q}, {Channel: t.topic("absent"), Subscription: &sub}, {Channel: topic, Subscription: &sub}, {Channel: topic}}
		expect := func(want map[int]int) {
			t.Helper()
			for {
				got := map[int]int{}
				for i, d := range deep().Depths(t.ctx, of) {
					got[i] = d.Messages
				}
				switch {
				case maps.Equal(got, want):
					return
				case t.ctx.Err() != nil:
					t.Fatalf("what waits is %v, want %v", got, want)
				}
				t.elapse(10 * time.Millisecond) // a remote one counts by and by
			}
		}
		reads := t.source(topic, sub)
		t.close(reads)
		t.sendTo(topic, "a", "b")
		t.sendTo(q, "1", "2", "3")
		expect(map[int]int{1: 3, 3: 2})
		src := t.source(q, broker.Subscription{Prefetch: 1})
		h := t.hold(src)
		expect(map[int]int{1: 2, 3: 2})
		h.settle(errOnPurpose)
		t.expect(src, "1", "2", "3")
		expect(map[int]int{1: 0, 3: 2})
		t.close(src)
		t.restart()
		t.sendTo(q, "4")
		want := map[int]int{1: 1, 3: 2}
		if !t.can.Durable {
			delete(want, 3)
		}
		expect(want)
	},

	"Capability/Positions": func(t *brokerTest) {
		p, ok := t.b.(adapter.Positions)
		if !ok {
			t.Fatal("the broker does not keep positions")
		}
		key := t.address("file")
		if v, err := p.Position(key); v != nil || err != nil {
			t.Errorf("an unknown position is %q, %v", v, err)
		}
		p.Keep(key, []byte("1"))
		p.Keep(key, []byte("22"))
		p.Keep(key+"/other", []byte{})
		for range 2 {
			for k, want := range map[string]string{key: "22", key + "/other": ""} {
				if v, err := p.Position(k); err != nil || v == nil || string(v) != want {
					t.Errorf("the position %s is %q, %v; want %q", k, v, err, want)
				}
			}
			t.restart()
			p = t.b.(adapter.Positions)
		}
	},
}
