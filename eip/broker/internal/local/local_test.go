package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
)

func inMemory(t *testing.T) *Broker {
	t.Helper()
	b, err := New(broker.Config{}, "memory:", Capabilities(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func queueNamed(name string) broker.Channel { return broker.Channel{Address: name, Declare: true} }

func senderTo(t *testing.T, b *Broker, c broker.Channel) broker.Sender {
	t.Helper()
	s, err := b.Sender(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sourceOf(t *testing.T, b *Broker, c broker.Channel, s broker.Subscription) broker.Source {
	t.Helper()
	src, err := b.Source(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func fill(t *testing.T, to broker.Sender, n int) {
	t.Helper()
	for range n {
		if err := to.Handle(t.Context(), eip.New([]byte("x"), nil)); err != nil {
			t.Fatal(err)
		}
	}
}

func receive(t *testing.T, src eip.Source) *eip.Message {
	t.Helper()
	m, err := src.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A full queue makes its sender wait for as long as something is taken now and
// then, and as long as it takes.
func TestBound_SlowConsumerMakesSenderSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		to, src := senderTo(t, b, queueNamed("q")), sourceOf(t, b, queueNamed("q"), broker.Subscription{})
		fill(t, to, defaultLength)
		sent := 0
		var sending sync.WaitGroup
		sending.Go(func() {
			for range 5 {
				if err := to.Handle(t.Context(), eip.New(nil, nil)); err != nil {
					t.Errorf("message %d: %v", sent, err)
				}
				sent++
			}
		})
		for i := range 5 {
			synctest.Wait()
			if sent != i {
				t.Fatalf("%d messages were sent when %d were taken", sent, i)
			}
			time.Sleep(stallTick*stallTicks - time.Second)
			eip.Deliver(t.Context(), eip.Discard, receive(t, src))
		}
		sending.Wait()
	})
}

// A queue from which nothing is taken at all, because its reader waits for the
// sender or there is none, gives an error in the end.
func TestBound_NobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		to := senderTo(t, b, queueNamed("q"))
		fill(t, to, defaultLength)
		start := time.Now()
		err := to.Handle(t.Context(), eip.New(nil, nil))
		if err == nil || eip.IsPermanent(err) || !strings.Contains(err.Error(), `"q"`) || !strings.Contains(err.Error(), "0 readers") {
			t.Errorf("sending gave %v", err)
		}
		if d := time.Since(start); d != stallTick*stallTicks {
			t.Errorf("it took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := to.Handle(ctx, eip.New(nil, nil)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the sender's context ended, which gave %v", err)
		}
	})
}

// A flow that sends each message back to the queue it came from goes on, though
// others keep that queue full.
func TestBound_FlowToItsOwnQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		q := queueNamed("q")
		to, others := senderTo(t, b, q), senderTo(t, b, q)
		fill(t, to, defaultLength)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			for others.Handle(ctx, eip.New(nil, nil)) == nil {
			}
		})
		rounds := 0
		f := &eip.Flow{Name: "f", Source: sourceOf(t, b, q, broker.Subscription{}), To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			if rounds++; rounds == 3*defaultLength {
				cancel()
			}
			return to.Handle(ctx, m)
		})}
		start := time.Now()
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		all.Wait()
		if d := time.Since(start); d != 0 {
			t.Errorf("the flow waited %v", d)
		}
		b.Close()
	})
}

// Two flows, each of which makes two messages of one for the other's queue, fill
// both. They get stuck, and out of it again, and no message is lost silently.
func TestBound_CycleGetsUnstuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		a, c := queueNamed("a"), queueNamed("c")
		toA, toC := senderTo(t, b, a), senderTo(t, b, c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failed := make(chan *eip.Message, 1)
		dead := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			select {
			case failed <- m:
				cancel()
			default:
			}
			return nil
		})
		var flows sync.WaitGroup
		for _, f := range []*eip.Flow{
			{Name: "ac", Source: sourceOf(t, b, a, broker.Subscription{}), To: eip.Multicast{toC, toC}},
			{Name: "ca", Source: sourceOf(t, b, c, broker.Subscription{}), To: eip.Multicast{toA, toA}},
		} {
			f.DeadLetter = dead
			f.Retry.Attempts = 1
			flows.Go(func() { _ = f.Run(ctx) }) // it says that messages are left
		}
		fill(t, toA, 10)
		m := <-failed
		if text := fmt.Sprint(m.Headers[header.Error]); !strings.Contains(text, "full") {
			t.Errorf("the dead letter says %q", text)
		}
		flows.Wait()
		b.Close()
	})
}

// The bound counts bytes as well, with what a message takes beside its body: two
// halves of it do not fit. One message always does, however large it is.
func TestBound_LargeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		to, src := senderTo(t, b, queueNamed("q")), sourceOf(t, b, queueNamed("q"), broker.Subscription{})
		half := eip.New(make([]byte, defaultSize/2), nil)
		if err := to.Handle(t.Context(), half); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := to.Handle(ctx, half); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("sending more bytes than fit gave %v", err)
		}
		for _, m := range []*eip.Message{half, eip.New(make([]byte, defaultSize+1), nil)} {
			eip.Deliver(t.Context(), eip.Discard, receive(t, src))
			if err := to.Handle(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A message that fails to be moved to its dead-letter queue stays.
func TestExpired_DeadLetterIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		dead := queueNamed("dead")
		dead.MaxLength = 1
		graves := sourceOf(t, b, dead, broker.Subscription{})
		q := queueNamed("q")
		q.TTL, q.DeadLetter = time.Second, "dead"
		to := senderTo(t, b, q)
		fill(t, to, 3)
		time.Sleep(10 * time.Second)
		for range 3 {
			m := receive(t, graves)
			if m.Headers[header.Reason] != "expired" || m.Headers[header.Channel] != "q" {
				t.Errorf("the dead letter says %v", m.Headers)
			}
			eip.Deliver(t.Context(), eip.Discard, m)
		}
	})
}

// While a dead-letter queue makes what expired wait, nobody asks it again and again.
func TestExpired_DeadLetterIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		dead, q := queueNamed("dead"), queueNamed("q")
		q.TTL, q.DeadLetter = time.Second, "dead"
		graves := sourceOf(t, b, dead, broker.Subscription{})
		fill(t, senderTo(t, b, dead), defaultLength)
		to := senderTo(t, b, q)
		fill(t, to, 3*maxMoving)
		time.Sleep(stallTick) // hangs, with nothing to wait for, where the sweeper runs in circles
		for range defaultLength + 3*maxMoving {
			eip.Deliver(t.Context(), eip.Discard, receive(t, graves))
		}
	})
}

// What expires at the head makes room, also while nobody reads.
func TestExpired_WithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		q := queueNamed("q")
		q.TTL, q.MaxLength = time.Minute, 2
		to := senderTo(t, b, q)
		fill(t, to, 2)
		if err := to.Handle(t.Context(), eip.New(nil, nil)); err == nil {
			t.Error("a queue of 2 took a third message")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		fill(t, to, 2)
	})
}

// A message that may not wait goes to whoever waits for it, and to nobody else.
func TestExpired_NotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.Close()
		q := queueNamed("q")
		to, src := senderTo(t, b, q), sourceOf(t, b, q, broker.Subscription{})
		now := eip.New([]byte("now"), nil).With(func(m *eip.Message) { m.Expiration = -1 })
		if err := to.Handle(t.Context(), now); err != nil { // nobody waits
			t.Fatal(err)
		}
		got := make(chan string, 1)
		go func() {
			m, err := src.Receive(t.Context())
			if err != nil {
				got <- err.Error()
				return
			}
			eip.Deliver(t.Context(), eip.Discard, m)
			got <- string(m.Body())
		}()
		synctest.Wait()
		select {
		case text := <-got:
			t.Fatalf("received %q", text)
		default:
		}
		if err := to.Handle(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != "now" {
			t.Errorf("received %q", text)
		}
	})
}

func TestSubscription_ChangesItsPattern(t *testing.T) {
	b := inMemory(t)
	defer b.Close()
	topic := broker.Channel{Kind: broker.Topic, Address: "t", Declare: true}
	src := sourceOf(t, b, topic, broker.Subscription{Name: "s", Durable: true, Pattern: "a"})
	if _, err := b.Source(t.Context(), topic, broker.Subscription{Name: "s", Durable: true, Pattern: "b"}); err == nil {
		t.Error("one subscription was opened with two patterns")
	}
	src.Close()
	src = sourceOf(t, b, topic, broker.Subscription{Name: "s", Durable: true, Pattern: "b"})
	to := senderTo(t, b, topic)
	for _, key := range []string{"a", "b"} {
		m := eip.New(nil, nil).With(func(m *eip.Message) { m.Key = key })
		if err := to.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if m := receive(t, src); m.Key != "b" {
		t.Errorf("received %q", m.Key)
	}
}

// A message for several subscriptions is refused by all where it is by one, so
// that a retry doubles nothing.
func TestTopic_AllOrNone(t *testing.T) {
	b := inMemory(t)
	defer b.Close()
	topic := broker.Channel{Kind: broker.Topic, Address: "t", Declare: true}
	one := sourceOf(t, b, topic, broker.Subscription{Name: "one"})
	topic.MaxLength = 1
	sourceOf(t, b, topic, broker.Subscription{Name: "two"})
	to := senderTo(t, b, topic)
	fill(t, to, 1)
	eip.Deliver(t.Context(), eip.Discard, receive(t, one))
	if err := to.Handle(t.Context(), eip.New(nil, nil)); err == nil {
		t.Error("a full subscription took a message")
	}
	if n := one.(*source).q.length; n != 0 {
		t.Errorf("%d messages wait in the subscription that has room", n)
	}
}

func TestCheck(t *testing.T) {
	for option, c := range map[string]broker.Channel{
		"address": {}, "max_length": {Address: "q", MaxLength: -1}, "ttl": {Address: "q", TTL: -1}, "dead_letter": {Address: "q", DeadLetter: "q"},
	} {
		var o *eip.OptionError
		if err := Check(c, nil); !errors.As(err, &o) || o.Option != option {
			t.Errorf("%+v: %v, want an error about %s", c, err, option)
		}
	}
	q := broker.Channel{Address: "q"}
	for option, s := range map[string]broker.Subscription{"pattern": {Pattern: "a*"}, "prefetch": {Prefetch: -1}} {
		var o *eip.OptionError
		if err := Check(q, &s); !errors.As(err, &o) || o.Option != option {
			t.Errorf("%+v: %v, want an error about %s", s, err, option)
		}
	}
	if err := Check(q, &broker.Subscription{Pattern: "a.*.#"}); err != nil {
		t.Error(err)
	}
}

func BenchmarkMemory(b *testing.B) {
	br, err := New(broker.Config{}, "memory:", Capabilities(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer br.Close()
	to, err := br.Sender(b.Context(), queueNamed("q"))
	if err != nil {
		b.Fatal(err)
	}
	src, err := br.Source(b.Context(), queueNamed("q"), broker.Subscription{})
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1024)
	b.ReportAllocs()
	go func() {
		for range b.N {
			eip.Deliver(b.Context(), to, eip.New(body, nil))
		}
	}()
	for range b.N {
		m, err := src.Receive(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		eip.Deliver(b.Context(), eip.Discard, m)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// A message may live for as long as can be said: longer than nanoseconds since 1970 go.
func TestExpiration_NeverWithinReach(t *testing.T) {
	b := inMemory(t)
	to, src := senderTo(t, b, queueNamed("q")), sourceOf(t, b, queueNamed("q"), broker.Subscription{})
	if err := to.Handle(t.Context(), eip.New(nil, nil).With(func(m *eip.Message) { m.Expiration = math.MaxInt64 })); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := src.Receive(ctx)
	if err != nil {
		t.Fatal("it has expired")
	}
	m.Settle(nil)
}
