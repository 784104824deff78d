package eiptest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// browseTests are of looking into a queue without taking.
var browseTests = map[string]func(*brokerTest){
	"Capability/Browse": func(t *brokerTest) {
		if t.can.RefusesMissing {
			absent := t.queue("absent")
			if _, err := t.browser().Price(t.ctx, absent); !eip.IsGone(err) {
				t.Errorf("the price of a queue that does not exist is %v; want an error that eip.Gone made", err)
			}
			for _, err := range t.browser().Browse(t.ctx, absent, broker.BrowseOptions{}) {
				if !eip.IsGone(err) {
					t.Errorf("a look at a queue that does not exist gave %v; want an error that eip.Gone made", err)
				}
			}
		}
		if _, err := t.browser().Price(t.ctx, t.topic("t")); err == nil {
			t.Error("there is a price of looking at a topic, in which nothing waits")
		}
		q := t.queue("q")
		s := t.sender(q)
		src := t.source(q, broker.Subscription{Prefetch: 1})
		t.look(q, 0)
		t.send(s, "taken")
		h := t.hold(src)
		full := t.full()
		t.mustBeNil("send", t.sent(s, full))
		t.send(s, "1", "2")
		price, seen := t.look(q, 0)
		if _, inside := t.b.(broker.Idler); len(seen) == 4 && seen[0].Taken == inside { // a server may not show it
			seen = seen[1:]
		}
		if texts := texts(seen); !slices.Equal(texts, []string{string(full.Body()), "1", "2"}) || seen[0].Taken || seen[0].Channel != q.Address {
			t.Fatalf("what is seen is %q", texts)
		}
		t.unchanged(full, seen[0].Message)
		if _, some := t.look(q, 2); len(some) != 2 || !bytes.Equal(some[1].Body(), seen[0].Body()) && string(some[1].Body()) != "1" {
			t.Errorf("the first two are %q", texts(some))
		}
		h.settle(errOnPurpose)
		t.expect(src, "taken")
		for i, text := range []string{string(full.Body()), "1", "2"} {
			if m := t.take(src); string(m.Body()) != text || m.Redelivered != price.Away && i > 0 {
				t.Errorf("after the look %q came, redelivered: %v; want %q", m.Body(), m.Redelivered, text)
			}
		}
		t.look(q, 0)
		t.close(s)
		t.close(src)
	},

	// Looks change nothing in a queue, and neither lose nor double a message while
	// somebody reads it.
	"Capability/BrowseChangesNothing": func(t *brokerTest) {
		q, n, looks := t.queue("q"), 1000, 20
		t.close(t.source(q, broker.Subscription{}))
		price, _ := t.look(q, 0)
		if _, inside := t.b.(broker.Idler); inside {
			n, looks = 10_000, 100
		}
		if price.Most > 0 {
			n = min(n, price.Most)
		}
		all := make([]*eip.Message, n)
		s, settled := t.sender(q), make(chan error, n)
		for i := range all {
			all[i] = eip.New(fmt.Appendf(nil, "body %d", i), func(err error) { settled <- err }).With(func(m *eip.Message) {
				m.ID, m.Type, m.Headers = strconv.Itoa(i), "numbered", eip.Headers{"number": strconv.Itoa(i)}
			})
			eip.Deliver(t.ctx, s, all[i])
		}
		for range all {
			t.mustBeNil("send", t.await(settled))
		}
		t.close(s)
		if t.can.Durable {
			t.restart() // what is on disk is looked at, too
		}
		// numbers checks what is seen, and returns which messages these are.
		numbers := func(seen []*eip.Message) (numbers []int) {
			t.Helper()
			for _, m := range seen {
				i, err := strconv.Atoi(m.ID)
				if err != nil || i >= n || !bytes.Equal(m.Body(), all[i].Body()) || m.Type != "numbered" || len(m.Headers) < 1 || m.Headers["number"] != m.ID {
					t.Fatalf("there is another message: %+v", m)
				}
				numbers = append(numbers, i)
			}
			return numbers
		}
		whole := make([]int, n)
		for i := range whole {
			whole[i] = i
		}
		for range looks / 2 {
			_, seen := t.look(q, 0)
			if is := numbers(messages(seen)); !slices.Equal(is, whole) {
				t.Fatalf("%d of %d messages are seen, or not in order", len(is), n)
			}
			if !price.Away && slices.ContainsFunc(seen, func(m broker.Browsed) bool { return m.Redelivered || m.Taken }) {
				t.Fatal("something is redelivered or taken, and nobody but who looks was there")
			}
			t.waits(q, n)
		}
		taken, ended := []*eip.Message{}, make(chan struct{})
		src := t.source(q, broker.Subscription{Prefetch: 10})
		go func() {
			defer close(ended)
			for range n / 2 {
				m, err := src.Receive(t.ctx)
				if err != nil {
					t.Error(err)
					return
				}
				t.holding(m).settle(nil)
				taken = append(taken, m)
			}
		}()
		for range looks - looks/2 {
			_, seen := t.look(q, 0)
			if is := numbers(messages(seen)); !slices.IsSorted(is) || len(slices.Compact(is)) != len(seen) || !price.Away && is[len(is)-1] != n-1 {
				t.Fatalf("while somebody reads, messages are seen in another order or twice, or the last one is not: %d", is)
			}
		}
		select {
		case <-ended:
		case <-t.ctx.Done():
			t.Fatal("who reads beside the looks was kept from it")
		}
		t.close(src)
		t.waits(q, n-len(taken))
		src = t.source(q, broker.Subscription{})
		rest := []*eip.Message{}
		for range n - len(taken) {
			rest = append(rest, t.take(src))
		}
		t.close(src)
		if is := numbers(rest); t.can.GivesBackInOrder && !slices.IsSorted(is) {
			t.Error("what is left came in another order")
		}
		is := numbers(append(taken, rest...))
		if !price.Away && t.can.GivesBackInOrder && !slices.Equal(is, whole) {
			t.Error("who read beside the looks got messages in another order")
		}
		if slices.Sort(is); !slices.Equal(is, whole) {
			t.Error("a message is lost, or came twice")
		}
	},
}

func (t *brokerTest) browser() broker.Browser {
	t.Helper()
	b, ok := t.b.(broker.Browser)
	if !ok {
		t.Fatal("the broker cannot show what waits")
	}
	return b
}

// look looks at a queue.
func (t *brokerTest) look(q broker.Channel, most int) (price broker.Price, seen []broker.Browsed) {
	t.Helper()
	price, err := t.browser().Price(t.ctx, q)
	t.mustBeNil("price", err)
	for m, err := range t.browser().Browse(t.ctx, q, broker.BrowseOptions{Most: most}) {
		t.mustBeNil("look", err)
		seen = append(seen, m)
	}
	return price, seen
}

// waits checks that so many messages wait in a queue.
func (t *brokerTest) waits(q broker.Channel, n int) {
	t.Helper()
	deep, ok := t.b.(broker.Deep)
	if !ok {
		return
	}
	for deep.Depths(t.ctx, []broker.Item{{Channel: q}})[0].Messages != n {
		if t.ctx.Err() != nil {
			t.Fatalf("not as many as %d wait", n)
		}
		t.elapse(time.Millisecond) // a remote one counts by and by
	}
}

func messages(seen []broker.Browsed) []*eip.Message {
	all := make([]*eip.Message, len(seen))
	for i, m := range seen {
		all[i] = m.Message
	}
	return all
}

func texts(seen []broker.Browsed) []string {
	all := make([]string, len(seen))
	for i, m := range seen {
		all[i] = string(m.Body())
	}
	return all
}
