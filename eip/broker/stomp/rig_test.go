package stomp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// each runs a test on every server.
func each(t *testing.T, test func(t *testing.T, name, raw string)) {
	t.Helper()
	for name, start := range servers {
		t.Run(name, func(t *testing.T) { test(t, name, start(t)) })
	}
}

func queue(t testing.TB, name string) broker.Channel {
	return broker.Channel{Address: strings.NewReplacer("/", ".", "#", "").Replace(t.Name()) + "." + name + "." + eip.NewID()[:8], Durable: true, Declare: true}
}

// until waits for what nothing but looking can tell.
func until(t testing.TB, what string, done func() bool) {
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

// ends are both ends of a queue.
type ends struct {
	t      testing.TB
	to     broker.Sender
	source broker.Source
}

func openEnds(t testing.TB, b broker.Broker, q broker.Channel) ends {
	t.Helper()
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	to, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return ends{t, to, src}
}

// send sends a message and waits for what becomes of it.
func send(t testing.TB, to eip.Handler, m *eip.Message) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return eip.Await(ctx, to, m)
}

// receive takes the next message and settles it.
func (e ends) receive() *eip.Message {
	e.t.Helper()
	m := e.take()
	eip.Deliver(e.t.Context(), eip.Discard, m)
	return m
}

func (e ends) take() *eip.Message {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	m, err := e.source.Receive(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	return m
}

func message(body string, edit func(*eip.Message)) *eip.Message {
	m := eip.New([]byte(body), nil)
	if edit != nil {
		m = m.With(edit)
	}
	return m
}
