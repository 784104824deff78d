package foreign

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	_ "github.com/eipd/eipd/eip/broker/amqp"
	_ "github.com/eipd/eipd/eip/broker/embedded"
	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/broker/stomp"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

// peer dials, until the test ends.
func peer(t *testing.T, url string) *endpoint.Peer {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := endpoint.Dial(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t, leaks)
	})
	return p
}

// A minute is time enough for what is to come.
func aMinute(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func text(s string) *eip.Message { return eip.New([]byte(s), nil) }

func addOne(_ context.Context, i int) (int, error) { return i + 1, nil }

// brokers are the URLs of all kinds.
func brokers(t *testing.T) map[string]func() string {
	return map[string]func() string{
		"memory":            func() string { return "memory:" },
		"embedded":          func() string { return "embedded:" + t.TempDir() },
		"RabbitMQ":          func() string { return rabbit.Shared(t).URL() },
		"RabbitMQ by STOMP": func() string { return rabbit.Shared(t).StompURL() },
		"ActiveMQ":          func() string { return "stomp://admin:adminpw@" + activemq.Shared(t).Address() },
	}
}

// What a Peer promises it keeps over every broker.
func TestPeer_Brokers(t *testing.T) {
	for name, url := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			p, ctx := peer(t, url()), aMinute(t)
			queue := "peer." + eip.NewID()[:8]
			add := endpoint.Handle(func(_ context.Context, i int) (int, error) {
				if i < 0 {
					return 0, &endpoint.ServiceError{Code: "negative", Text: "it is < 0"}
				}
				return i + 1, nil
			})
			if err := p.Listen(ctx, queue, add, func(l *endpoint.Listening) { l.Concurrency = 4 }); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					for n := range 25 {
						i := 1000*g + n
						if sum, err := endpoint.Call[int, int](ctx, p, queue, i); err != nil || sum != i+1 {
							t.Errorf("%d + 1 is %d, %v", i, sum, err)
						}
					}
				})
			}
			wg.Wait()
			var told *endpoint.ServiceError
			if _, err := endpoint.Call[int, int](ctx, p, queue, -1); !errors.As(err, &told) || told.Code != "negative" || told.Text != "it is < 0" {
				t.Errorf("an error reply is %v", err)
			}
			id, err := p.Send(ctx, queue, text("41"))
			if err != nil {
				t.Fatal(err)
			}
			if m, err := p.Receive(ctx, endpoint.ID(id)); err != nil || string(m.Body()) != "42" {
				t.Errorf("received %v, %v", m, err)
			}
			for what, n := range p.Counts() {
				if n != 0 && what != "failed" {
					t.Errorf("%s is %d", what, n)
				}
			}
		})
	}
}

// Each of some services that hear a topic answers.
func TestPeer_Collect(t *testing.T) {
	for name, url := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			p, ctx := peer(t, url()), aMinute(t)
			topic := "peers." + eip.NewID()[:8]
			for i := range 3 {
				h := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return p.Reply(ctx, m, text(strconv.Itoa(i))) })
				err := p.Listen(ctx, topic, h, func(l *endpoint.Listening) {
					l.Channel.Kind, l.Subscription.Name = broker.Topic, fmt.Sprint("s", i)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			all, err := p.Collect(ctx, topic, text("who is there?"), 3)
			got := ""
			for _, m := range all {
				got += string(m.Body())
			}
			if err != nil || len(got) != 3 || !strings.Contains(got, "0") || !strings.Contains(got, "1") || !strings.Contains(got, "2") {
				t.Errorf("got %q, %v", got, err)
			}
			for within := 200 * time.Millisecond; ; within *= 2 { // a busy machine takes longer
				short, cancel := context.WithTimeout(ctx, within)
				all, err := p.Collect(short, topic, text("all of you?"), 0)
				cancel()
				if err != nil || len(all) > 3 || len(all) < 3 && within > 10*time.Second {
					t.Errorf("within %v came %d, %v", within, len(all), err)
				}
				if err != nil || len(all) >= 3 || within > 10*time.Second {
					break
				}
			}
		})
	}
}

// The request of a call expires with it.
func TestPeer_Expires(t *testing.T) {
	n := rabbit.Shared(t)
	p, ch := peer(t, n.URL()), n.Channel(t)
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Call(ctx, q.Name, text("?")); !errors.Is(err, endpoint.ErrNoReply) {
		t.Errorf("a call to a queue without a consumer: %v", err)
	}
	for left := 1; left > 0; {
		if q, err = ch.QueueDeclarePassive(q.Name, false, true, true, false, nil); err != nil {
			t.Fatal(err)
		}
		left = q.Messages
	}
}

// Where the broker ends under callers, each call ends with an error soon, and they work
// again when it is back.
func TestPeer_Restart(t *testing.T) {
	n := rabbit.Start(t, rabbit.STOMP)
	for name, url := range map[string]string{"AMQP": n.URL(), "STOMP": n.StompURL()} {
		t.Run(name, func(t *testing.T) {
			n.Await(t)
			p, ctx := peer(t, url), aMinute(t)
			var asked atomic.Int64
			silent := eip.HandlerFunc(func(context.Context, *eip.Message) error { asked.Add(1); return nil })
			for queue, h := range map[string]eip.Handler{"silent": silent, "add": endpoint.Handle(addOne)} {
				if err := p.Listen(ctx, queue, h); err != nil {
					t.Fatal(err)
				}
			}
			const callers = 64
			ended := make(chan error, callers)
			for range callers {
				go func() {
					_, err := p.Call(ctx, "silent", text("?"))
					ended <- err
				}()
			}
			for asked.Load() < callers {
				time.Sleep(time.Millisecond) // there is nothing else to wait on
			}
			n.Kill()
			for range callers {
				if err := <-ended; !errors.Is(err, endpoint.ErrLost) {
					t.Errorf("a call ends with %v", err)
				}
			}
			n.Restart(t)
			if sum, err := endpoint.Call[int, int](ctx, p, "add", 1); err != nil || sum != 2 {
				t.Errorf("afterwards 1 + 1 is %d, %v", sum, err)
			}
		})
	}
}

// Services and clients in Go, Ruby and Python call each other.
func TestPeer_OtherLanguages(t *testing.T) {
	const count = 1000
	for name, of := range map[string]struct{ program, needs, script string }{
		"Ruby":   {ruby, bunny, "../../examples/rpc/add.rb"},
		"Python": {python, pika, "../../examples/rpc/add.py"},
	} {
		t.Run(name, func(t *testing.T) {
			rabbit.Require(t, of.program, of.needs)
			url := rabbit.Shared(t).Vhosts(t, "rpc_"+name)["rpc_"+name]
			p, ctx := peer(t, url), aMinute(t)
			begin(t, "the service", client(t, of.program, of.script, url, "serve", strconv.Itoa(count)))
			for i := range count {
				if sum, err := endpoint.Call[int, int](ctx, p, "add", i); err != nil || sum != i+1 {
					t.Fatalf("%d + 1 is %d, %v", i, sum, err)
				}
			}
			if err := p.Listen(ctx, "add", endpoint.Handle(addOne), func(l *endpoint.Listening) { l.Concurrency = 4 }); err != nil {
				t.Fatal(err)
			}
			for _, way := range []string{"direct", "exclusive"} {
				got := output(t, client(t, of.program, of.script, url, "call", way, strconv.Itoa(count)))
				if strings.TrimSpace(got) != strconv.Itoa(count) {
					t.Errorf("%s: %s of %d replies are right", way, got, count)
				}
			}
		})
	}
}
