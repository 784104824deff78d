package eiptest

import (
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

var topicTests = map[string]func(*brokerTest){
	"Topic/Multicast": func(t *brokerTest) {
		topic := t.topic("t")
		a := t.source(topic, broker.Subscription{Name: t.address("a"), Durable: true})
		b := t.source(topic, broker.Subscription{Name: t.address("b")})
		texts := numbers("", 300)
		t.sendTo(topic, texts...)
		t.expect(a, texts...)
		t.expect(b, texts...)
		t.close(a)
		t.close(b)
	},

	"Topic/NobodyListens": func(t *brokerTest) {
		topic := t.topic("t")
		t.sendTo(topic, "into the void")
		src := t.source(topic, broker.Subscription{Name: t.address("late"), Durable: true})
		t.sendTo(topic, "heard")
		t.expect(src, "heard")
		t.close(src)
	},

	"Topic/SubscriptionIsShared": func(t *brokerTest) {
		topic := t.topic("t")
		name := t.address("s")
		a := t.source(topic, broker.Subscription{Name: name, Durable: true, Prefetch: 1})
		b := t.source(topic, broker.Subscription{Name: name, Durable: true, Prefetch: 1})
		t.sendTo(topic, "1", "2", "3")
		one, two := t.hold(a), t.hold(b)
		if string(one.Body()) == string(two.Body()) {
			t.Errorf("both consumers of one subscription got %q", one.Body())
		}
		one.settle(nil)
		t.expect(a, "3")
		two.settle(nil)
		t.close(a)
		t.close(b)
	},

	"Topic/DurableSubscription": func(t *brokerTest) {
		topic := t.topic("t")
		sub := broker.Subscription{Name: t.address("s"), Durable: true}
		t.close(t.source(topic, sub))
		texts := numbers("", 50)
		t.sendTo(topic, texts...)
		src := t.source(topic, sub)
		t.expect(src, texts...)
		t.close(src)
	},

	"Topic/PassingSubscription": func(t *brokerTest) {
		topic := t.topic("t")
		sub := broker.Subscription{Name: t.address("s")}
		t.close(t.source(topic, sub))
		t.sendTo(topic, "nobody is there")
		src := t.source(topic, sub)
		t.sendTo(topic, "heard")
		t.expect(src, "heard")
		t.close(src)
	},

	"Topic/Patterns": func(t *brokerTest) {
		topic := t.topic("t")
		tests := map[string][]string{
			"":            {"", "orders", "orders.1.eu", "orders.2.us", "orders.1.2.eu"},
			"#":           {"", "orders", "orders.1.eu", "orders.2.us", "orders.1.2.eu"},
			"orders":      {"orders"},
			"orders.*.eu": {"orders.1.eu"},
			"orders.#":    {"orders", "orders.1.eu", "orders.2.us", "orders.1.2.eu"},
			"#.eu":        {"orders.1.eu", "orders.1.2.eu"},
		}
		sources := map[string]broker.Source{}
		for pattern := range tests {
			sources[pattern] = t.source(topic, broker.Subscription{Name: t.address("s"), Pattern: pattern, Durable: true})
		}
		s := t.sender(topic)
		for _, key := range tests[""] {
			m := eip.New([]byte(key), nil).With(func(m *eip.Message) { m.Key = key })
			t.mustBeNil("send", t.sent(s, m))
		}
		t.close(s)
		for pattern, want := range tests {
			var got []string
			for range want {
				m := t.take(sources[pattern])
				got = append(got, string(m.Body()))
				if m.Key != string(m.Body()) {
					t.Errorf("the key %q became %q", m.Body(), m.Key)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pattern %q selected %q, want %q", pattern, got, want)
			}
			if !t.blocked(sources[pattern]) {
				t.Errorf("pattern %q selected more than %q", pattern, want)
			}
			t.close(sources[pattern])
		}
	},
}
