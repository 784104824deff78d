package foreign

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/internal/rabbit"
)

// heap is how much memory is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers had to see
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Calls by many are answered in any order, some when their callers have gone, and some
// twice: each has its own reply, the others are counted exactly, and nothing is kept.
func TestPeer_LateAndDoubled(t *testing.T) {
	const calls, callers, part = 10_000, 64, 100
	for name, url := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			p := peer(t, url())
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			queue := "peer." + eip.NewID()[:8]
			var asked [calls / part]chan struct{} // closed when the service has it
			var over [calls / part]chan struct{}  // closed when the caller has gone
			for i := range asked {
				asked[i], over[i] = make(chan struct{}), make(chan struct{})
			}
			h := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				n, err := strconv.Atoi(string(m.Body()))
				if err != nil {
					return err
				}
				if n%part == 0 {
					close(asked[n/part])
					<-over[n/part]
				}
				time.Sleep(rand.N(10 * time.Millisecond)) // others overtake it
				if n%part == 1 {
					err = p.Reply(ctx, m, text(strconv.Itoa(n)))
				}
				return errors.Join(err, p.Reply(ctx, m, text(strconv.Itoa(n))))
			})
			if err := p.Listen(ctx, queue, h, func(l *endpoint.Listening) { l.Concurrency = 2 * callers }); err != nil {
				t.Fatal(err)
			}
			call := func(n int) {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				if n%part == 0 {
					go func() {
						<-asked[n/part]
						cancel()
					}()
					defer close(over[n/part])
				}
				m, err := p.Call(ctx, queue, text(strconv.Itoa(n)))
				if n%part == 0 && !errors.Is(err, context.Canceled) || n%part != 0 && (err != nil || string(m.Body()) != strconv.Itoa(n)) {
					t.Errorf("call %d: %v, %v", n, m, err)
				}
			}
			for range 2 * callers { // what is there from the first calls on is no growth
				if _, err := p.Call(ctx, queue, text("2")); err != nil {
					t.Fatal(err)
				}
			}
			before := heap()
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for n := c; n < calls; n += callers {
						call(n)
					}
				})
			}
			wg.Wait()
			reached := func() bool { c := p.Counts(); return c["late"] >= calls/part && c["doubled"] >= calls/part }
			for deadline := time.Now().Add(time.Minute); !reached() && time.Now().Before(deadline); time.Sleep(time.Millisecond) { // there is nothing to wait on
			}
			for what, n := range p.Counts() {
				if want := map[string]int64{"late": calls / part, "doubled": calls / part}[what]; n != want {
					t.Errorf("%s is %d, want %d", what, n, want)
				}
			}
			if more := heap() - before; more > 5<<20 {
				t.Errorf("afterwards %d bytes more are in use", more)
			}
		})
	}
}

// Of goroutines that receive any reply or their own, each reply goes to one.
func TestPeer_ReceiveMixed(t *testing.T) {
	const each, goroutines = 125, 8
	for name, url := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			p, ctx := peer(t, url()), aMinute(t)
			queue := "peer." + eip.NewID()[:8]
			echo := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return p.Reply(ctx, m, text(string(m.Body()))) })
			if err := p.Listen(ctx, queue, echo, func(l *endpoint.Listening) { l.Concurrency = 4 }); err != nil {
				t.Fatal(err)
			}
			all, stop := context.WithCancel(ctx)
			defer stop()
			var mu sync.Mutex
			var got []string
			receive := func(time time.Duration, of ...endpoint.ID) {
				ctx, cancel := context.WithTimeout(all, time)
				defer cancel()
				m, err := p.Receive(ctx, of...)
				if errors.Is(err, endpoint.ErrNoReply) || all.Err() != nil && errors.Is(err, context.Canceled) {
					return // another one has it
				}
				if err != nil || len(of) == 1 && m.CorrelationID != string(of[0]) {
					t.Errorf("received %v, %v", m, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if got = append(got, string(m.Body())); len(got) == each*goroutines {
					stop()
				}
			}
			sent := make(chan string, each*goroutines)
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					for n := range each {
						id, err := p.Send(ctx, queue, text(fmt.Sprint(g, " ", n)))
						if err != nil {
							t.Error(err)
						}
						sent <- id
					}
				})
				wg.Go(func() {
					for all.Err() == nil {
						select {
						case id := <-sent:
							if g%2 == 0 {
								receive(20*time.Millisecond, endpoint.ID(id))
								continue
							}
						default:
						}
						receive(20 * time.Millisecond)
					}
				})
			}
			wg.Wait()
			slices.Sort(got)
			if n := len(slices.Compact(slices.Clone(got))); len(got) != each*goroutines || n != len(got) {
				t.Errorf("%d were received, %d of them different, want %d", len(got), n, each*goroutines)
			}
			for what, n := range p.Counts() {
				if n != 0 {
					t.Errorf("%s is %d", what, n)
				}
			}
		})
	}
}

// A call to a queue that is not there fails at once, where the broker can tell; one to a
// queue without a consumer takes its time.
func TestPeer_NoService(t *testing.T) {
	for name, url := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			at := url()
			p, ctx := peer(t, at), aMinute(t)
			queue := "peer." + eip.NewID()[:8]
			call := ctx
			if strings.HasPrefix(at, "stomp:") { // which makes the queue
				short, over := context.WithTimeout(ctx, 100*time.Millisecond)
				defer over()
				call = short
			}
			_, err := p.Call(call, queue+".absent", text("?"))
			if strings.HasPrefix(at, "stomp:") && !errors.Is(err, endpoint.ErrNoReply) || !strings.HasPrefix(at, "stomp:") && !eip.IsGone(err) {
				t.Errorf("a call to nobody: %v", err)
			}
			listening, leave := context.WithCancel(ctx)
			if err := p.Listen(listening, queue, endpoint.Handle(addOne)); err != nil {
				t.Fatal(err)
			}
			leave()
			for err = error(nil); err == nil; { // until it no longer listens
				call, over := context.WithTimeout(ctx, 100*time.Millisecond)
				_, err = p.Call(call, queue, text("1"))
				over()
			}
			if !errors.Is(err, endpoint.ErrNoReply) || eip.IsGone(err) {
				t.Errorf("a call to a queue without a consumer: %v", err)
			}
		})
	}
}

// there are the queues, exchanges and connections of a node.
func there(t *testing.T, n *rabbit.Node) string {
	t.Helper()
	return n.Eval(t, `{lists:sort([element(2, Q) || Q <- rabbit_amqqueue:list()]), lists:sort([element(2, E) || E <- rabbit_exchange:list()]), lists:sort(rabbit_networking:connections())}`)
}

// A Peer that ends leaves a node as it was.
func TestPeer_LeavesNothing(t *testing.T) {
	n := rabbit.Start(t, rabbit.STOMP)
	for name, url := range map[string]string{"AMQP": n.URL(), "STOMP": n.StompURL()} {
		t.Run(name, func(t *testing.T) {
			ch, ctx := n.Channel(t), aMinute(t)
			before := there(t, n)
			service, err := endpoint.Dial(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			gone := func(l *endpoint.Listening) { l.Channel.AutoDelete = true }
			if err = service.Listen(ctx, "add", endpoint.Handle(addOne), gone); name == "STOMP" {
				if !eip.IsPermanent(err) {
					t.Errorf("what the broker cannot do gives %v", err)
				}
				err = service.Listen(ctx, "add", endpoint.Handle(addOne))
			}
			if err != nil {
				t.Fatal(err)
			}
			p, err := endpoint.Dial(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			var right atomic.Int64
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					if sum, err := endpoint.Call[int, int](ctx, p, "add", g); err == nil && sum == g+1 {
						right.Add(1)
					}
					id, err := p.Send(ctx, "add", text(strconv.Itoa(g)))
					if err != nil {
						t.Error(err)
					} else if m, err := p.Receive(ctx, endpoint.ID(id)); err == nil && string(m.Body()) == strconv.Itoa(g+1) {
						right.Add(1)
					}
				})
			}
			wg.Wait()
			if during := there(t, n); right.Load() != 16 || during == before {
				t.Errorf("%d replies are right, and there are %s", right.Load(), during)
			}
			if err := errors.Join(p.Close(), service.Close()); err != nil {
				t.Error(err)
			}
			if name == "STOMP" { // the service's queue stays
				if _, err := ch.QueueDelete("add", false, false, false); err != nil {
					t.Error(err)
				}
			}
			after := ""
			for deadline := time.Now().Add(time.Minute); after != before && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) { // the node tidies up by itself
				after = there(t, n)
			}
			if after != before {
				t.Errorf("of\n%s\nhas become\n%s", before, after)
			}
		})
	}
}
