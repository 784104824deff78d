package eiptest

import (
	"context"
	"errors"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

var lifeTests = map[string]func(*brokerTest){
	"Life/Restart": func(t *brokerTest) {
		q, topic := t.queue("q"), t.topic("t")
		sub := broker.Subscription{Name: t.address("s"), Durable: true}
		t.close(t.source(topic, sub))
		t.sendTo(q, "1", "2", "3", "4", "5")
		t.sendTo(topic, "heard while away")
		src := t.source(q, broker.Subscription{Prefetch: 3})
		one, two, three := t.hold(src), t.hold(src), t.hold(src)
		two.settle(nil)
		t.restart()
		// What the old process still does has no effect.
		one.settle(nil)
		three.settle(errOnPurpose)

		src = t.source(q, broker.Subscription{})
		for _, want := range []string{"1", "3"} {
			if m := t.take(src); string(m.Body()) != want || !m.Redelivered {
				t.Errorf("received %q (Redelivered %v), want %s again", m.Body(), m.Redelivered, want)
			}
		}
		// A broker may have sent as many as the old window had room for.
		t.expect(src, "4")
		if m := t.take(src); string(m.Body()) != "5" || m.Redelivered {
			t.Errorf("received %q (Redelivered %v), want 5 for the first time", m.Body(), m.Redelivered)
		}
		heard := t.source(topic, sub)
		t.expect(heard, "heard while away")
		t.sendTo(q, "and goes on")
		t.expect(src, "and goes on")
		t.close(heard)
		t.close(src)
		t.restart()
		src = t.source(q, broker.Subscription{})
		t.sendTo(q, "nothing was left")
		t.expect(src, "nothing was left")
		t.close(src)
	},

	// A topic's subscription gets what is sent by a process that does not read it.
	"Life/SubscriptionOutlives": func(t *brokerTest) {
		topic := t.topic("t")
		sub := broker.Subscription{Name: t.address("s"), Durable: true}
		if t.can.Patterns {
			sub.Pattern = "wanted.#"
		}
		t.close(t.source(topic, sub))
		t.restart()
		s := t.sender(topic)
		for _, key := range []string{"wanted.1", "other", "wanted"} {
			if key == "other" && !t.can.Patterns {
				continue
			}
			m := eip.New([]byte(key), nil).With(func(m *eip.Message) { m.Key = key })
			t.mustBeNil("send", t.sent(s, m))
		}
		t.close(s)
		t.restart()
		src := t.source(topic, sub)
		t.expect(src, "wanted.1", "wanted")
		t.close(src)
	},

	"Life/ManyAfterRestart": func(t *brokerTest) {
		q := t.queue("q")
		texts := numbers("", 5000)
		t.sendTo(q, texts[:3000]...)
		src := t.source(q, broker.Subscription{})
		t.expect(src, texts[:1000]...)
		t.close(src)
		t.restart()
		t.sendTo(q, texts[3000:]...)
		src = t.source(q, broker.Subscription{})
		t.expect(src, texts[1000:]...)
		t.close(src)
	},

	// What is not durable is gone, and nothing is in its way.
	"Life/NewAfterRestart": func(t *brokerTest) {
		q := t.queue("q")
		t.sendTo(q, "before")
		t.restart()
		q.Address += ".new"
		src := t.source(q, broker.Subscription{})
		t.sendTo(q, "after")
		t.expect(src, "after")
		t.close(src)
	},

	"Life/CloseEndsReceive": func(t *brokerTest) {
		q := t.queue("q")
		for name, end := range map[string]func(broker.Source){
			"source": func(src broker.Source) { t.close(src) },
			"broker": func(broker.Source) { t.close(t.b) },
		} {
			src := t.source(q, broker.Subscription{})
			ended := make(chan error, 1)
			go func() {
				_, err := src.Receive(t.ctx)
				ended <- err
			}()
			end(src)
			if err := t.await(ended); !errors.Is(err, eip.ErrClosed) {
				t.Errorf("Receive of a closed %s gave %v, want ErrClosed", name, err)
			}
			if _, err := src.Receive(t.ctx); !errors.Is(err, eip.ErrClosed) {
				t.Errorf("Receive after Close of the %s gave %v, want ErrClosed", name, err)
			}
			t.close(src) // twice does no harm
			if name == "broker" {
				t.close(t.b)
				t.b = t.Open(t.test)
			}
		}
	},

	"Life/ContextEndsReceive": func(t *brokerTest) {
		q := t.queue("q")
		src := t.source(q, broker.Subscription{})
		ctx, cancel := context.WithCancel(t.ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := src.Receive(ctx)
			ended <- err
		}()
		cancel()
		if err := t.await(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Receive gave %v when its context ended", err)
		}
		t.sendTo(q, "the source still works")
		t.expect(src, "the source still works")
		t.close(src)
	},

	"Life/SenderCloseSettles": func(t *brokerTest) {
		const n = 500
		q := t.queue("q")
		s := t.sender(q)
		settled := make(chan error, n)
		for range n {
			eip.Deliver(t.ctx, s, eip.New([]byte("x"), func(err error) { settled <- err }))
		}
		t.close(s)
		if len(settled) != n {
			t.Errorf("%d of %d messages had settled when Close returned", len(settled), n)
		}
		for range n {
			t.mustBeNil("send", t.await(settled))
		}
		if err := t.sent(s, eip.New(nil, nil)); err == nil {
			t.Error("a closed sender takes messages")
		}
		t.close(s)
	},

	"Life/ClosedBroker": func(t *brokerTest) {
		q := t.queue("q")
		s := t.sender(q)
		t.close(t.b)
		if err := t.sent(s, eip.New(nil, nil)); err == nil {
			t.Error("the sender of a closed broker takes messages")
		}
		t.close(s)
		if _, err := t.b.Source(t.ctx, q, broker.Subscription{}); err == nil {
			t.Error("a closed broker opens a source")
		}
		if _, err := t.b.Sender(t.ctx, q); err == nil {
			t.Error("a closed broker opens a sender")
		}
		if b, ok := t.b.(broker.RequestReply); ok {
			if err := b.SendTo(t.ctx, q.Address, eip.New(nil, nil)); err == nil {
				t.Error("a closed broker sends")
			}
			if _, err := b.Inbox(t.ctx, ""); err == nil {
				t.Error("a closed broker opens an inbox")
			}
		}
		if t.b.Status().Connected {
			t.Error("a closed broker says that it is connected")
		}
	},

	"Life/Status": func(t *brokerTest) {
		if s := t.b.Status(); !s.Connected || s.URL == "" || s.Waiting != "" {
			t.Errorf("an open broker says %+v", s)
		}
	},
}
