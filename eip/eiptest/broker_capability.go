package eiptest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

const shortLife = 30 * time.Millisecond

var capabilityTests = map[string]func(*brokerTest){
	"Capability/MaxLength": func(t *brokerTest) {
		q := t.queue("q")
		q.MaxLength = 3
		s := t.sender(q)
		t.send(s, "1", "2", "3")
		err := t.sent(s, eip.New([]byte("4"), nil))
		if err == nil || eip.IsPermanent(err) {
			t.Errorf("the fourth message in a queue of 3 gave %v; want an error that passes", err)
		}
		src := t.source(q, broker.Subscription{})
		t.expect(src, "1")
		t.send(s, "5")
		t.expect(src, "2", "3", "5")
		t.close(src)
		t.close(s)
	},

	"Capability/TTL": func(t *brokerTest) {
		q := t.queue("q")
		q.TTL = shortLife
		t.sendTo(q, "too late")
		t.elapse(2 * shortLife)
		src := t.source(q, broker.Subscription{})
		t.sendTo(q, "in time")
		t.expect(src, "in time")
		t.close(src)
	},

	"Capability/Expiration": func(t *brokerTest) {
		q := t.queue("q")
		s := t.sender(q)
		for _, life := range []time.Duration{-1, time.Millisecond, time.Hour} {
			m := eip.New([]byte(life.String()), nil).With(func(m *eip.Message) { m.Expiration = life })
			t.mustBeNil("send", t.sent(s, m))
		}
		t.elapse(2 * shortLife)
		src := t.source(q, broker.Subscription{})
		t.expect(src, time.Hour.String())
		t.close(src)
		t.close(s)
	},

	// What expires while it waits in a flow is not begun.
	"Capability/ExpiresInFlow": func(t *brokerTest) {
		q := t.queue("q")
		src, s := t.source(q, broker.Subscription{}), t.sender(q)
		begun, goOn := make(chan string), make(chan struct{})
		f := &eip.Flow{Name: "f", Source: src, Concurrency: 2, OrderBy: func(context.Context, *eip.Message) (string, error) { return "", nil },
			To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				select {
				case begun <- string(m.Body()):
				case <-t.ctx.Done():
				}
				select {
				case <-goOn:
				case <-t.ctx.Done():
				}
				return nil
			})}
		ctx, stop := context.WithCancel(t.ctx)
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		next := func(want string) {
			select {
			case got := <-begun:
				if got != want {
					t.Errorf("it began %q, want %q", got, want)
				}
			case <-t.ctx.Done():
				t.Fatalf("it did not begin %q", want)
			}
		}
		t.send(s, "first")
		next("first")
		t.mustBeNil("send", t.sent(s, Message("expires").With(func(m *eip.Message) { m.Expiration = shortLife })))
		t.send(s, "last")
		for i := 0; f.InFlight() < 3 && i < 300; i++ { // where its life begins when it comes, it must have come
			time.Sleep(10 * time.Millisecond)
		}
		t.elapse(2 * shortLife)
		close(goOn)
		next("last")
		stop()
		t.mustBeNil("run", t.await(ended))
		if c, _ := f.Counts(); c.Expired > 1 || c.Sent != 2 { // its broker may have dropped it
			t.Errorf("the counts are %+v", c)
		}
		t.close(s)
		t.close(src)
		src = t.source(q, broker.Subscription{})
		if !t.blocked(src) {
			t.Error("what has expired is still there")
		}
		t.close(src)
	},

	"Capability/DeadLetter": func(t *brokerTest) {
		q, dead := t.queue("q"), t.queue("dead")
		q.TTL, q.DeadLetter = shortLife, dead.Address
		graves := t.source(dead, broker.Subscription{})
		s := t.sender(q)
		t.send(s, "1", "2")
		m := t.full().With(func(m *eip.Message) { m.Expiration = time.Millisecond })
		t.mustBeNil("send", t.sent(s, m))
		t.expect(graves, "1", "2")
		got := t.take(graves)
		if !bytes.Equal(got.Body(), m.Body()) || got.ID != m.ID || got.Headers["name"] != "value" || got.Channel != dead.Address {
			t.Errorf("the dead letter is %+v", got)
		}
		if got.Expiration != 0 {
			t.Error("a dead letter expires again")
		}
		t.close(s)
		t.close(graves)
	},

	"Capability/AutoDelete": func(t *brokerTest) {
		q := t.queue("q")
		q.AutoDelete = true
		a, b := t.source(q, broker.Subscription{}), t.source(q, broker.Subscription{})
		s := t.sender(q)
		t.send(s, "1")
		t.expect(a, "1")
		t.close(a)
		t.send(s, "2")
		t.expect(b, "2")
		t.send(s, "waits while it goes")
		t.close(b)
		t.close(s)
		b = t.source(q, broker.Subscription{})
		t.sendTo(q, "3")
		t.expect(b, "3")
		t.close(b)
	},

	"Capability/Exclusive": func(t *brokerTest) {
		q := t.queue("q")
		q.Exclusive = true
		src := t.source(q, broker.Subscription{})
		t.sendTo(q, "1", "goes with the process")
		t.expect(src, "1")
		t.restart()
		src = t.source(q, broker.Subscription{})
		t.sendTo(q, "2")
		t.expect(src, "2")
		t.close(src)
	},

	// Another connection to the broker is what another process would have.
	"Capability/Single": func(t *brokerTest) {
		q, other := t.queue("q"), t.queue("other")
		sub := broker.Subscription{Single: t.address("single")}
		a, beside := t.source(q, sub), t.source(other, sub)
		b := t.Open(t.test)
		defer t.close(b)
		standsBy := func(b broker.Broker) {
			t.Helper()
			src, err := b.Source(t.ctx, q, sub)
			if trouble := new(broker.Trouble); !errors.As(err, &trouble) || !trouble.Standby {
				t.Errorf("a second process does not stand by: it has %v, %v", src, err)
			}
		}
		standsBy(b)
		t.sendTo(q, "1")
		t.sendTo(other, "2")
		t.expect(a, "1")
		t.expect(beside, "2")
		t.close(a)
		standsBy(b)
		a = t.source(q, sub)
		t.close(beside)
		standsBy(b)
		t.close(a)
		t.sendTo(q, "3")
		next, err := b.Source(t.ctx, q, sub)
		t.mustBeNil("take over", err)
		t.expect(next, "3")
		standsBy(t.b)
		t.close(next)
		t.close(t.source(q, sub))
	},

	"Capability/Select": func(t *brokerTest) {
		q := t.queue("q")
		s := t.sender(q)
		for _, region := range []string{"eu", "us", "eu", "us"} {
			m := Message(region).With(func(m *eip.Message) { m.Headers = eip.Headers{"region": region} })
			t.mustBeNil("send", t.sent(s, m))
		}
		eu := t.source(q, broker.Subscription{Select: "region = 'eu'"})
		t.expect(eu, "eu", "eu")
		if !t.blocked(eu) {
			t.Error("it gave a message that was not selected")
		}
		t.close(eu)
		t.close(s)
		us := t.source(q, broker.Subscription{Select: "region <> 'eu'"})
		t.expect(us, "us", "us")
		t.close(us)
	},

	"Capability/MessageGroups": func(t *brokerTest) {
		q := t.queue("q")
		q.GroupBy = func(_ context.Context, m *eip.Message) (string, error) { return string(m.Body()[:1]), nil }
		a := t.source(q, broker.Subscription{})
		s := t.sender(q)
		t.send(s, "a1", "b1", "a2", "b2", "a3")
		one := t.hold(a)
		b, err := t.b.Source(t.ctx, q, broker.Subscription{})
		t.send(s, "a4")
		if err == nil { // it may be refused
			for !t.blocked(b) {
				t.Error("a second consumer got a message of a group that the first one has")
			}
			t.close(b)
		}
		one.settle(nil)
		t.expect(a, "b1", "a2", "b2", "a3", "a4")
		t.close(a)
		b = t.source(q, broker.Subscription{})
		t.send(s, "a5")
		t.expect(b, "a5")
		t.close(b)
		t.close(s)
	},

	"Capability/Existing": func(t *brokerTest) {
		for _, c := range []broker.Channel{t.queue("q"), t.topic("t")} {
			sub := broker.Subscription{Name: t.address("s")}
			if c.Kind == broker.Queue {
				sub.Name = ""
			}
			t.close(t.source(c, sub))
			c.Declare = false
			src := t.source(c, sub)
			t.sendTo(c, "exists")
			t.expect(src, "exists")
			t.close(src)
		}
	},

	"Capability/RefusesMissing": func(t *brokerTest) {
		for _, c := range []broker.Channel{t.queue("q"), t.topic("t")} {
			c.Declare = false
			t.mustBeNil("check", t.check(c, nil))
			if _, err := t.b.Source(t.ctx, c, broker.Subscription{Name: t.address("s")}); err == nil {
				t.Errorf("a %s that does not exist, and must not be created, was opened", c.Kind)
			}
			if _, err := t.b.Sender(t.ctx, c); err == nil {
				t.Errorf("a %s that does not exist, and must not be created, was opened to send", c.Kind)
			}
		}
	},

	"Capability/TypeOfTopic": func(t *brokerTest) {
		fanout := t.topic("fanout")
		fanout.Type = "fanout"
		t.mustBeNil("check", t.check(fanout, nil))
	},
	"Capability/BindingKey": func(t *brokerTest) {
		direct := t.topic("direct")
		direct.Type = "direct"
		t.mustBeNil("check", t.check(direct, &broker.Subscription{Name: "s", Key: "k"}))
	},
	"Capability/SubscriptionAddress": func(t *brokerTest) {
		t.mustBeNil("check", t.check(t.topic("t"), &broker.Subscription{Name: "s", Address: t.address("q")}))
	},
	"Capability/Arguments": func(t *brokerTest) {
		t.mustBeNil("check", t.check(t.topic("t"), &broker.Subscription{Name: "s", Arguments: map[string]any{}}))
	},

	"Capability/LargestBody": func(t *brokerTest) {
		if t.can.LargestBody == 0 || t.can.LargestBody > 64<<20 {
			t.Skip("there is no such limit, or it is too large to try")
		}
		q := t.queue("q")
		s := t.sender(q)
		src := t.source(q, broker.Subscription{})
		body := make([]byte, t.can.LargestBody+1)
		if err := t.sent(s, eip.New(body, nil)); !eip.IsPermanent(err) {
			t.Errorf("a body of %d bytes gave %v; want a permanent error", len(body), err)
		}
		t.mustBeNil("send", t.sent(s, eip.New(body[1:], nil)))
		if m := t.take(src); len(m.Body()) != len(body)-1 {
			t.Errorf("received %d bytes", len(m.Body()))
		}
		t.close(src)
		t.close(s)
	},
}
