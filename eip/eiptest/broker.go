package eiptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A BrokerCase says how the suite gets at a broker.
type BrokerCase struct {
	// Scheme is the transport's in broker.Registry. What Capabilities an open broker says
	// that it has are checked both ways: what it can do must work, and what it cannot
	// do must be refused, or fail.
	Scheme string
	// Open connects to a broker. The suite uses addresses that nobody else has, so
	// that all may connect to the same one. It closes what was opened.
	Open func(t *testing.T) broker.Broker
	// Restart closes b as the end of its process would, and connects again to what
	// outlives that.
	Restart func(t *testing.T, b broker.Broker) broker.Broker
	// Loses names the fields of a message that the broker does not carry, and kinds
	// of header values, as headers.infinite.
	Loses []string
}

// Broker runs the acceptance suite.
func Broker(t *testing.T, c BrokerCase) {
	transport, ok := broker.Registry.New(c.Scheme)
	if !ok {
		t.Fatalf("no broker has the scheme %q", c.Scheme)
	}
	for _, group := range []map[string]func(*brokerTest){queueTests, topicTests, replyTests, callTests, messageTests, lifeTests, capabilityTests, tellingTests, browseTests} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				leaks := goleak.IgnoreCurrent()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				bt := &brokerTest{TB: t, test: t, ctx: ctx, BrokerCase: c, check: transport.CheckChannel}
				defer func() {
					if err := bt.b.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
					cancel()
					goleak.VerifyNone(t, leaks)
				}()
				bt.b = c.Open(t)
				bt.can = bt.b.Capabilities()
				switch can := needs[name]; {
				case can == nil || can(bt.can):
					test(bt)
				case !bt.fails(test):
					t.Error("the broker says that it cannot do this, and can")
				}
			})
		}
	}
}

// brokerTest is one test of the suite.
type brokerTest struct {
	testing.TB
	BrokerCase
	test  *testing.T
	ctx   context.Context
	can   broker.Capabilities
	check func(broker.Channel, *broker.Subscription) error
	b     broker.Broker
}

func (t *brokerTest) restart() {
	t.Helper()
	t.b = t.Restart(t.test, t.b)
}

// address is one that nobody else has.
func (t *brokerTest) address(name string) string {
	return "eiptest." + strings.ReplaceAll(t.Name(), "/", ".") + "." + name + "." + eip.NewID()[:8]
}

// queue is a durable queue.
func (t *brokerTest) queue(name string) broker.Channel {
	return broker.Channel{Address: t.address(name), Durable: true, Declare: true}
}

func (t *brokerTest) topic(name string) broker.Channel {
	return broker.Channel{Kind: broker.Topic, Address: t.address(name), Durable: true, Declare: true}
}

func (t *brokerTest) source(c broker.Channel, s broker.Subscription) broker.Source {
	t.Helper()
	t.mustBeNil("check", t.check(c, &s))
	src, err := t.b.Source(t.ctx, c, s)
	if err != nil {
		t.Fatalf("open source of %s %s: %v", c.Kind, c.Address, err)
	}
	return src
}

func (t *brokerTest) sender(c broker.Channel) broker.Sender {
	t.Helper()
	t.mustBeNil("check", t.check(c, nil))
	s, err := t.b.Sender(t.ctx, c)
	if err != nil {
		t.Fatalf("open sender of %s %s: %v", c.Kind, c.Address, err)
	}
	return s
}

// send sends texts and waits until all are confirmed.
func (t *brokerTest) send(to eip.Handler, texts ...string) {
	t.Helper()
	settled := make(chan error, len(texts))
	for _, text := range texts {
		eip.Deliver(t.ctx, to, eip.New([]byte(text), func(err error) { settled <- err }))
	}
	for range texts {
		t.mustBeNil("send", t.await(settled))
	}
}

// sendTo opens a sender for just these texts.
func (t *brokerTest) sendTo(c broker.Channel, texts ...string) {
	t.Helper()
	s := t.sender(c)
	t.send(s, texts...)
	t.mustBeNil("close sender", s.Close())
}

// sent sends one message, and returns what it settled with.
func (t *brokerTest) sent(to eip.Handler, m *eip.Message) error {
	t.Helper()
	settled := make(chan error, 1)
	eip.Deliver(t.ctx, to, m.Fork(func(err error) { settled <- err }))
	return t.await(settled)
}

func (t *brokerTest) await(settled <-chan error) error {
	t.Helper()
	select {
	case err := <-settled:
		return err
	case <-t.ctx.Done():
		t.Fatal("a message did not settle")
		return nil
	}
}

func (t *brokerTest) mustBeNil(what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// held is a message that was received and is not settled.
type held struct {
	*eip.Message
	settle func(error)
}

// hold receives the next message.
func (t *brokerTest) hold(src eip.Source) held {
	t.Helper()
	m, err := src.Receive(t.ctx)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return t.holding(m)
}

func (t *brokerTest) holding(m *eip.Message) (h held) {
	h.Message = m
	eip.Deliver(t.ctx, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		h.settle = m.Hold()
		return nil
	}), m)
	return h
}

// take receives the next message and settles it.
func (t *brokerTest) take(src eip.Source) *eip.Message {
	t.Helper()
	h := t.hold(src)
	h.settle(nil)
	return h.Message
}

// expect receives messages with these texts, in this order, and settles them.
func (t *brokerTest) expect(src eip.Source, texts ...string) {
	t.Helper()
	var got []string
	for range texts {
		got = append(got, string(t.take(src).Body()))
	}
	if !slices.Equal(got, texts) {
		t.Fatalf("received %q, want %q", got, texts)
	}
}

// blocked reports whether src gives nothing for a moment. A broker that is slow
// passes where it should not; none fails where it should pass.
func (t *brokerTest) blocked(src eip.Source) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 50*time.Millisecond)
	defer cancel()
	m, err := src.Receive(ctx)
	if m != nil {
		t.Logf("received %q", m.Body())
		t.holding(m).settle(errors.New("not expected"))
	}
	return errors.Is(err, context.DeadlineExceeded)
}

func (t *brokerTest) close(c interface{ Close() error }) {
	t.Helper()
	t.mustBeNil("close", c.Close())
}

// requestReply is the broker, where requests can be answered on it.
func (t *brokerTest) requestReply() broker.RequestReply {
	t.Helper()
	b, ok := t.b.(broker.RequestReply)
	if !ok {
		t.Fatal("the broker knows no replies")
	}
	return b
}

// to sends to an address.
func (t *brokerTest) to(address string) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return t.requestReply().SendTo(ctx, address, m) })
}

func (t *brokerTest) inbox(name string) eip.Inbox {
	t.Helper()
	i, err := t.requestReply().Inbox(t.ctx, name)
	t.mustBeNil("open inbox", err)
	return i
}

// again receives n messages, of which the first are those that came before, and settles
// them. Where the broker gives back in order, they come in order.
func (t *brokerTest) again(src eip.Source, before int, texts ...string) {
	t.Helper()
	var got []string
	for range texts {
		m := t.take(src)
		got = append(got, string(m.Body()))
		if slices.Contains(texts[:before], string(m.Body())) && !m.Redelivered {
			t.Errorf("%q came again, and does not say Redelivered", m.Body())
		}
	}
	if !t.can.GivesBackInOrder {
		slices.Sort(got)
	}
	if !slices.Equal(got, texts) {
		t.Errorf("received %q, want %q", got, texts)
	}
}

// numbers are texts in order.
func numbers(prefix string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s%05d", prefix, i)
	}
	return texts
}

var errOnPurpose = errors.New("failed on purpose")

// elapse waits for time that is under test itself.
func (t *brokerTest) elapse(d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
	}
}
