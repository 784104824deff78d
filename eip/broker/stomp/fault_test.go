package stomp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

const (
	keys   = 7   // how many different keys numbered messages have
	window = 200 // how many a flow has under way
)

// machine is a server whose process can fail.
type machine interface {
	Kill()
	Restart(testing.TB)
	Freeze(testing.TB)
	Thaw(testing.TB)
}

func machineOf(t testing.TB, name string) machine {
	if name == "rabbitmq" {
		return rabbit.Shared(t)
	}
	return activemq.Shared(t)
}

// A rig is a flow from one queue to another, over a network that can fail, and numbered
// messages in the first queue.
type rig struct {
	*testing.T
	raw     string
	network *netfault.Proxy
	broker  broker.Broker
	in, out broker.Channel
	flow    *eip.Flow
	n       int
}

// start starts the flow on n messages.
func start(t *testing.T, raw string, n int) *rig {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	r := &rig{T: t, raw: raw, in: queue(t, "in"), out: queue(t, "out"), n: n}
	login, address, _ := strings.Cut(raw, "@")
	r.network = netfault.Start(t, address)
	r.broker = openWith(t, config(t, login+"@"+r.network.Address()+"?heartbeat=1"))
	r.fill()
	src, err := r.broker.Source(t.Context(), r.in, broker.Subscription{Prefetch: window})
	if err != nil {
		t.Fatal(err)
	}
	to, err := r.broker.Sender(t.Context(), r.out)
	if err != nil {
		t.Fatal(err)
	}
	r.flow = &eip.Flow{Name: "flow", Window: window, Source: src, To: to}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.flow.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for _, err := range []error{<-ended, src.Close(), to.Close(), r.broker.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

func (r *rig) fill() {
	r.Helper()
	b := open(r, r.raw)
	defer b.Close()
	to, err := b.Sender(r.Context(), r.in)
	if err != nil {
		r.Fatal(err)
	}
	settled := make(chan error, r.n)
	for i := range r.n {
		eip.Deliver(r.Context(), to, eip.New([]byte(body(i)), func(err error) { settled <- err }))
	}
	allWell(r, settled)
}

func body(i int) string {
	return fmt.Sprintf("%d of key %d %s", i, i%keys, strings.Repeat(".", 200))
}

// counts are what became of the flow's messages.
func (r *rig) counts() stats.Counts {
	business, _ := r.flow.Counts()
	return business
}

// sent waits until the flow has sent so many messages.
func (r *rig) sent(n int64) {
	r.Helper()
	until(r, fmt.Sprintf("%d messages are sent", n), func() bool { return r.counts().Sent >= n })
}

// expect takes every message from the queue at the end: those of each key are in order,
// and no more came twice than can be under way when something fails.
func (r *rig) expect(faults int) {
	r.Helper()
	b := open(r, r.raw)
	defer b.Close()
	src, err := b.Source(r.Context(), r.out, broker.Subscription{})
	if err != nil {
		r.Fatal(err)
	}
	e := ends{t: r, source: src}
	seen, last, doubled := make([]bool, r.n), map[int]int{}, 0
	for left := r.n; left > 0; {
		m := e.receive()
		var i, key int
		if _, err := fmt.Sscanf(string(m.Body()), "%d of key %d ", &i, &key); err != nil || i >= r.n || string(m.Body()) != body(i) {
			r.Fatalf("message %q was altered", m.Body())
		}
		if seen[i] {
			doubled++
			continue
		}
		seen[i] = true
		left--
		if before, ok := last[key]; ok && before > i {
			r.Errorf("message %d of key %d came after %d", i, key, before)
		}
		last[key] = i
	}
	if r.Logf("%d messages came twice", doubled); doubled > 2*window*faults {
		r.Errorf("%d messages came twice, over %d faults with %d under way", doubled, faults, window)
	}
	if s := r.counts(); s.DeadLettered+s.Invalid > 0 {
		r.Errorf("messages failed: %+v", s)
	}
}

func TestFault_Cut(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		r := start(t, raw, 2000)
		for i := range int64(4) {
			r.sent(200 + 400*i)
			r.network.Cut()
		}
		r.expect(4)
	})
}

// A connection that ends in the middle of a frame.
func TestFault_Snip(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		r := start(t, raw, 2000)
		for i := range int64(4) {
			r.sent(200 + 400*i)
			r.network.Snip()
		}
		r.expect(4)
	})
}

// What a black hole swallows for a while arrives; a longer one is noticed.
func TestFault_Hole(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		r := start(t, raw, 2000)
		r.sent(200)
		r.network.Hole()
		r.network.Open()
		r.sent(600)
		r.network.Hole()
		until(t, "the hole is noticed", func() bool { return !r.broker.Status().Connected })
		r.network.Cut()
		r.network.Open()
		r.sent(1200)
		r.network.Hole()
		r.network.Cut()
		r.network.Open()
		r.expect(2)
	})
}

// A slow network is slow, and no reason to connect anew.
func TestFault_Slow(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		r := start(t, raw, 1000)
		r.sent(100)
		r.network.Slow(20_000)
		r.sent(150)
		r.network.Slow(0)
		r.expect(0)
	})
}

func TestFault_Killed(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		r := start(t, raw, 3000)
		m := machineOf(t, name)
		r.sent(300)
		m.Kill()
		until(t, "the loss is noticed", func() bool { return !r.broker.Status().Connected })
		m.Restart(t)
		// What was acknowledged shortly before is unread to a server that was killed.
		r.expect(3000)
	})
}

func TestFault_Frozen(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		r := start(t, raw, 2000)
		m := machineOf(t, name)
		r.sent(300)
		m.Freeze(t)
		until(t, "it is noticed", func() bool { return !r.broker.Status().Connected })
		m.Thaw(t)
		r.expect(1)
	})
}

// Closing while the server is away does not wait for it, and says what it leaves.
func TestFault_CloseWhileAway(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		login, address, _ := strings.Cut(raw, "@")
		network := netfault.Start(t, address)
		b := openWith(t, config(t, login+"@"+network.Address()+"?heartbeat=1"))
		s, err := b.Sender(t.Context(), queue(t, "q"))
		if err != nil {
			t.Fatal(err)
		}
		if err := send(t, s, message("x", nil)); err != nil {
			t.Fatal(err)
		}
		network.Hole()
		settled := sendAll(t, s, 3)
		until(t, "the hole is noticed", func() bool { return !b.Status().Connected })
		began := time.Now()
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "3 messages were not confirmed") {
			t.Errorf("closing says %v", err)
		}
		t.Logf("closed in %v", time.Since(began))
		for range 3 {
			if err := <-settled; err == nil {
				t.Error("a message was settled though nobody has it")
			}
		}
	})
}

func TestFault_GivesUpTogether(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		login, address, _ := strings.Cut(raw, "@")
		network := netfault.Start(t, address)
		b := openWith(t, config(t, login+"@"+network.Address()))
		to, err := b.Sender(t.Context(), queue(t, "q"))
		if err != nil {
			t.Fatal(err)
		}
		network.GivesUpTogether(t, to)
	})
}
