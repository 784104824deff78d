package broker_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	_ "github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a broker in memory that counts what is opened and closed.
type fake struct {
	broker.Broker
	opened, closed *atomic.Int32
	block          *atomic.Bool // senders wait
}

type counted struct {
	broker.Sender
	of fake
}

func (f fake) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	if f.block.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.opened.Add(1)
	s, err := f.Broker.Sender(ctx, c)
	return counted{s, f}, err
}

func (c counted) Close() error {
	c.of.closed.Add(1)
	return c.Sender.Close()
}

var made = fake{opened: new(atomic.Int32), closed: new(atomic.Int32), block: new(atomic.Bool)}

func init() {
	broker.Registry.Add("fake", func() broker.Transport {
		return broker.Transport{Open: func(_ context.Context, c broker.Config) (broker.Broker, error) {
			f := made
			var err error
			f.Broker, err = memory.Open(c)
			return f, err
		}, Capabilities: memory.Capabilities}
	})
}

func dial(t *testing.T, url string) *broker.Connection {
	t.Helper()
	b, err := broker.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func send(t *testing.T, to eip.Handler, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if err := eip.Await(t.Context(), to, eip.New([]byte(b), nil)); err != nil {
			t.Fatal(err)
		}
	}
}

func receive(t *testing.T, from eip.Source, bodies ...string) {
	t.Helper()
	for _, want := range bodies {
		m, err := from.Receive(t.Context())
		if err != nil || string(m.Body()) != want {
			t.Fatalf("received %v: %v; want %q", m, err, want)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
}

// A message goes by a queue, a topic and where a stage sends to; what a flow had not
// settled when it ended is there for the next one.
func TestConnection_Run(t *testing.T) {
	for name, url := range map[string]string{"memory": "memory:", "embedded": "embedded:" + t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			b := dial(t, url)
			for range 2 {
				ctx, stop := context.WithCancel(t.Context())
				aside := endpoint.NewSend()
				aside.To = b.Queue("aside")
				flows := []*eip.Flow{
					{Name: "one", Source: b.Queue("in"), Stages: []eip.Stage{aside}, To: b.Topic("news")},
					{Name: "two", Source: b.Topic("news"), To: b.Queue("out")},
					{Name: "three", Source: b.Topic("news"), To: b.Queue("out")},
				}
				ended := make(chan error, 1)
				go func() { ended <- b.Run(ctx, flows...) }()
				send(t, b.Queue("in"), "x")
				receive(t, b.Queue("out"), "x", "x")
				receive(t, b.Queue("aside"), "x")
				stop()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				send(t, b.Queue("in"), "left") // the source is closed: nobody takes it
				receive(t, b.Queue("in"), "left")
			}
		})
	}
}

func TestConnection_RunFails(t *testing.T) {
	endless := func(b *broker.Connection) *eip.Flow {
		return &eip.Flow{Name: "endless", Source: b.Queue("in"), To: b.Queue("out")}
	}
	for _, test := range []struct {
		name string
		with func(b *broker.Connection) *eip.Flow
		want string
	}{
		{"source", func(b *broker.Connection) *eip.Flow {
			return &eip.Flow{Name: "f", Source: b.Topic("t", func(e *broker.Endpoint) { e.Subscription.Key = "k" })}
		}, "flow f: open topic t: binding_key: it is for brokers with exchanges, such as RabbitMQ"},
		{"to", func(b *broker.Connection) *eip.Flow {
			return &eip.Flow{Name: "f", Source: b.Queue("x"), To: b.Queue("y", func(e *broker.Endpoint) { e.Channel.MaxLength = -1 })}
		}, "flow f: open queue y: max_length: it must be 0 (no limit) or more"},
		{"dead letters", func(b *broker.Connection) *eip.Flow {
			return &eip.Flow{Name: "f", Source: b.Queue("x"), To: eip.Discard, DeadLetter: b.Queue("")}
		}, "flow f: open queue : address: it must not be empty"},
		{"later", func(b *broker.Connection) *eip.Flow {
			return &eip.Flow{Name: "f", Source: failing{}, To: eip.Discard}
		}, "flow f: receive: no luck"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := dial(t, "memory:")
			if err := b.Run(t.Context(), endless(b), test.with(b)); text(err) != test.want {
				t.Errorf("Run gave %v, want %s", err, test.want)
			}
		})
	}
}

// A flow that comes to its end leaves the others alone.
func TestConnection_RunGoesOn(t *testing.T) {
	b := dial(t, "memory:")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, &eip.Flow{Name: "short", Source: ending{}}, &eip.Flow{Name: "endless", Source: b.Queue("in"), To: b.Queue("out")})
	}()
	send(t, b.Queue("in"), "x")
	receive(t, b.Queue("out"), "x")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

type failing struct{}

func (failing) Receive(context.Context) (*eip.Message, error) { return nil, errors.New("no luck") }

type ending struct{}

func (ending) Receive(context.Context) (*eip.Message, error) { return nil, io.EOF }

// Without Run too, and by whom ever it is first used.
func TestEndpoint_OpensOnce(t *testing.T) {
	b := dial(t, "fake:")
	before := made.opened.Load()
	to := b.Queue("q")
	var senders sync.WaitGroup
	for range 20 {
		senders.Go(func() { send(t, to, "x") })
	}
	senders.Wait()
	if opened := made.opened.Load() - before; opened != 1 {
		t.Errorf("%d senders were opened", opened)
	}
	f := &eip.Flow{Name: "f", Source: b.Queue("q"), To: b.Queue("r")}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	receive(t, b.Queue("r"), strings.Split(strings.Repeat("x", 20), "")...)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Run closes what it has opened, also where it fails half-way.
func TestConnection_RunCloses(t *testing.T) {
	for _, second := range []eip.Source{ending{}, failing{}} {
		b := dial(t, "fake:")
		opened, closed := made.opened.Load(), made.closed.Load()
		_ = b.Run(t.Context(), &eip.Flow{Name: "a", Source: ending{}, To: b.Queue("a")}, &eip.Flow{Name: "b", Source: second, To: b.Queue("b")})
		if o, c := made.opened.Load()-opened, made.closed.Load()-closed; o != 2 || c != 2 {
			t.Errorf("opened %d, closed %d", o, c)
		}
	}
}

// Who waits for another one's opening does not do so beyond his time.
func TestEndpoint_WaitsNoLonger(t *testing.T) {
	b := dial(t, "fake:")
	synctest.Test(t, func(t *testing.T) {
		made.block.Store(true)
		defer made.block.Store(false)
		to := b.Queue("q")
		for range 2 {
			patient, enough := context.WithCancel(t.Context())
			first := make(chan error, 1)
			go func() { first <- to.Handle(patient, eip.New(nil, nil)) }()
			synctest.Wait()
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if err := to.Handle(ctx, eip.New(nil, nil)); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			enough()
			if err := <-first; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
	send(t, b.Queue("q"), "x")
}

func TestEndpoint_OfATopicIsNamed(t *testing.T) {
	b := dial(t, "memory:")
	_, err := b.Topic("news").Receive(t.Context())
	if want := "open topic news: its Subscription needs a Name: processes of the same name compete"; text(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	alone := b.Topic("news", func(e *broker.Endpoint) { e.Subscription = broker.Subscription{Exclusive: true} })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, &eip.Flow{Name: "f", Source: alone, To: b.Queue("out"), Ready: func() { close(ready) }})
	}()
	<-ready
	send(t, b.Topic("news"), "x")
	receive(t, b.Queue("out"), "x")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Requests go by it, and so do calls over the same broker.
func TestEndpoint_TakesRequests(t *testing.T) {
	b := dial(t, "memory:")
	p, err := endpoint.NewPeer(t.Context(), b.Broker, &b.Env)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Listen(t.Context(), "add", endpoint.Handle(func(_ context.Context, i int) (int, error) { return i + 1, nil })); err != nil {
		t.Fatal(err)
	}
	ask := endpoint.NewRequest()
	ask.To = b.Queue("add")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, &eip.Flow{Name: "ask", Source: b.Queue("in"), Stages: []eip.Stage{ask}, To: b.Queue("out")})
	}()
	send(t, b.Queue("in"), "1")
	receive(t, b.Queue("out"), "2")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDial_Refuses(t *testing.T) {
	for url, want := range map[string]string{
		"memoy:":    `dial: no broker has the scheme "memoy"; there are embedded, fake, memory`,
		"memory:x":  "dial: open broker memory:x: nothing may follow the colon",
		"localhost": "dial: it has no scheme; RabbitMQ there is amqp://localhost",
	} {
		if _, err := broker.Dial(t.Context(), url); text(err) != want {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
}
