package eiptest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

var queueTests = map[string]func(*brokerTest){
	"Queue/InOrder": func(t *brokerTest) {
		q := t.queue("q")
		texts := numbers("", 2000)
		t.sendTo(q, texts...)
		src := t.source(q, broker.Subscription{})
		t.expect(src, texts...)
		t.close(src)
	},

	"Queue/CompetingConsumers": func(t *brokerTest) {
		q := t.queue("q")
		a, b := t.source(q, broker.Subscription{Prefetch: 1}), t.source(q, broker.Subscription{Prefetch: 1})
		t.sendTo(q, "1", "2", "3", "4")
		// Each has one in hand, and nobody gets another's.
		one, two := t.hold(a), t.hold(b)
		got := map[string]int{string(one.Body()): 1}
		got[string(two.Body())]++
		two.settle(nil)
		for range 2 {
			got[string(t.take(b).Body())]++
		}
		one.settle(nil)
		if len(got) != 4 {
			t.Errorf("received %v, want each of 1, 2, 3, 4 once", got)
		}
		if !t.blocked(a) || !t.blocked(b) {
			t.Error("more was received than sent")
		}
		t.close(a)
		t.close(b)
	},

	"Queue/NotGoneUntilSettled": func(t *brokerTest) {
		q := t.queue("q")
		t.sendTo(q, "1", "2", "3")
		src := t.source(q, broker.Subscription{})
		one, two := t.hold(src), t.hold(src)
		if one.Redelivered || two.Redelivered {
			t.Error("a message says Redelivered when it comes first")
		}
		t.close(src)
		src = t.source(q, broker.Subscription{})
		t.again(src, 2, "1", "2", "3")
		// Who comes too late changes nothing.
		one.settle(nil)
		two.settle(errOnPurpose)
		if !t.blocked(src) {
			t.Error("a message came again although it was settled")
		}
		t.close(src)
	},

	"Queue/AgainAfterError": func(t *brokerTest) {
		q := t.queue("q")
		t.sendTo(q, "1", "2", "3")
		src := t.source(q, broker.Subscription{Prefetch: 1})
		t.hold(src).settle(errOnPurpose)
		t.again(src, 1, "1", "2", "3")
		t.close(src)
	},

	"Queue/GivenBackInOrder": func(t *brokerTest) {
		q := t.queue("q")
		t.sendTo(q, numbers("", 20)...)
		src := t.source(q, broker.Subscription{})
		var all []held
		for range 10 {
			all = append(all, t.hold(src))
		}
		all[3].settle(nil) // out of order
		all[7].settle(nil)
		t.close(src)
		src = t.source(q, broker.Subscription{})
		for i, text := range numbers("", 20) {
			if i != 3 && i != 7 {
				t.expect(src, text)
			}
		}
		t.close(src)
	},

	"Queue/Window": func(t *brokerTest) {
		q := t.queue("q")
		t.sendTo(q, numbers("", 6)...)
		src := t.source(q, broker.Subscription{Prefetch: 3})
		one, two, three := t.hold(src), t.hold(src), t.hold(src)
		if !t.blocked(src) {
			t.Error("a window of 3 let in a fourth message")
		}
		two.settle(nil)
		four := t.hold(src)
		for _, h := range []held{one, three, four} {
			h.settle(nil)
		}
		t.expect(src, numbers("", 6)[4:]...)
		t.close(src)
	},

	// Unsettled messages take what they may, and one message more. Headers count.
	"Queue/WindowOfBytes": func(t *brokerTest) {
		q := t.queue("q")
		to := t.sender(q)
		for i, text := range numbers("", 12) {
			m := eip.New([]byte(text), nil).WithHeader("a", strings.Repeat("x", 4<<10))
			if i%2 == 0 {
				m = eip.New([]byte(text+strings.Repeat(" ", 4<<10)), nil)
			}
			t.mustBeNil("send", t.sent(to, m))
		}
		t.close(to)
		const budget = 10 << 10
		src := t.source(q, broker.Subscription{PrefetchBytes: budget})
		for next := 0; next < 12; {
			all := []held{t.hold(src)} // a broker may give fewer than there is room for
			for bytes := all[0].Size(); ; {
				ctx, cancel := context.WithTimeout(t.ctx, 50*time.Millisecond)
				m, _ := src.Receive(ctx) // nothing comes in time
				cancel()
				if m == nil {
					break
				}
				if bytes >= budget {
					t.Errorf("a window of %d bytes let in another message beside %d", budget, bytes)
				}
				bytes += m.Size()
				all = append(all, t.holding(m))
			}
			for _, h := range all {
				if got, want := strings.TrimSpace(string(h.Body())), numbers("", 12)[next]; got != want {
					t.Fatalf("received %s, want %s", got, want)
				}
				next++
				h.settle(nil)
			}
		}
		t.close(src)
	},

	"Queue/ConcurrentSenders": func(t *brokerTest) {
		const senders, each = 8, 200
		q := t.queue("q")
		src := t.source(q, broker.Subscription{})
		var sending sync.WaitGroup
		for i := range senders {
			s := t.sender(q)
			sending.Go(func() {
				t.send(s, numbers(fmt.Sprintf("%d ", i), each)...)
				t.close(s)
			})
		}
		next := map[string]int{}
		for range senders * each {
			var from string
			var n int
			fmt.Sscanf(string(t.take(src).Body()), "%s %d", &from, &n)
			if n != next[from] {
				t.Fatalf("message %d of sender %s came where %d should", n, from, next[from])
			}
			next[from]++
		}
		sending.Wait()
		t.close(src)
	},

	// Everything arrives through flows that fail now and then, several at once.
	"Queue/Flows": func(t *brokerTest) {
		const n = 2000
		in, out := t.queue("in"), t.queue("out")
		ctx, stop := context.WithCancel(t.ctx)
		var flows sync.WaitGroup
		var opened []interface{ Close() error }
		for i := range 3 {
			src, to := t.source(in, broker.Subscription{Prefetch: 50}), t.sender(out)
			opened = append(opened, src, to)
			count := 0
			f := &eip.Flow{Name: fmt.Sprint("flow", i), Source: src, To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if count++; count%17 == 0 {
					return eip.Permanent(errOnPurpose) // back to the queue
				}
				return to.Handle(ctx, m)
			})}
			flows.Go(func() {
				if err := f.Run(ctx); err != nil {
					t.Errorf("flow: %v", err)
				}
			})
		}
		t.sendTo(in, numbers("", n)...)
		src := t.source(out, broker.Subscription{})
		got := map[string]bool{}
		for len(got) < n {
			got[string(t.take(src).Body())] = true
		}
		stop()
		flows.Wait()
		for _, o := range append(opened, src) {
			t.close(o)
		}
	},
}
