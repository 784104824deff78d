package host_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/host"
)

// words is an adapter that yields one message.
type words struct {
	Text string `flow:"text"`
	said bool
}

func init() {
	adapter.Add("words", func() any { return &words{} })
	eip.Stages.Add("slow_opening", func() eip.Stage { return &slowOpening{} })
	broker.Registry.Add("deaf", func() broker.Transport { return topicless(errNever) })
	broker.Registry.Add("refusing", func() broker.Transport { return topicless(errors.New("no permission")) })
}

func (w *words) OpenSource(context.Context, *adapter.Env) (adapter.Source, error) {
	return w, nil
}

func (w *words) Receive(context.Context) (*eip.Message, error) {
	if w.said {
		return nil, io.EOF
	}
	w.said = true
	return eip.New([]byte(w.Text), nil), nil
}

func (w *words) Close() error { return nil }

var spoken chan struct{} // what slowOpening waits for

// slowOpening is a stage that keeps its flow from coming up until another has had
// its message.
type slowOpening struct{}

func (*slowOpening) Open(ctx context.Context, _ *eip.Env) error {
	select {
	case <-spoken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (*slowOpening) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

// errNever is the answer of a broker that gives none.
var errNever = errors.New("never")

// topicless is memory:, where no topic can be read.
func topicless(err error) broker.Transport {
	t, _ := broker.Registry.New("memory")
	open := t.Open
	t.Open = func(ctx context.Context, c broker.Config) (broker.Broker, error) {
		u := *c.URL
		u.Scheme = "memory"
		c.URL = &u
		b, e := open(ctx, c)
		return topiclessBroker{b.(broker.RequestReply), err}, e
	}
	return t
}

type topiclessBroker struct {
	broker.RequestReply
	err error
}

func (b topiclessBroker) Source(ctx context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	switch {
	case c.Kind == broker.Queue:
		return b.RequestReply.Source(ctx, c, s)
	case errors.Is(b.err, errNever):
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, b.err
}

// awaitLevel waits until a command has set the log level.
func awaitLevel(t *testing.T, level *slog.LevelVar, want slog.Level) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); level.Level() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the command is lost; the level is %v", level.Level())
		}
	}
}

// A command that a flow sends with its first message is carried out, even where it
// comes before all flows run.
func TestProcess_TakesTheFirstCommand(t *testing.T) {
	c := load(t, `
		topic "control" { address = "eip.control" }
		control_bus { topic = topic.control }
		adapter "words" "first" { text = "{\"command\": \"loglevel\", \"args\": {\"level\": \"debug\"}}" }
		adapter "sink" "out" {}
		adapter "numbers" "none" {}
		flow "speaks" {
		  from = adapter.first
		  to   = [topic.control, adapter.out]
		}
		flow "late" {
		  from = adapter.none
		  slow_opening {}
		  to = adapter.out
		}`)
	got.Store(0)
	spoken = make(chan struct{})
	go func() {
		for got.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		close(spoken)
	}()
	var level slog.LevelVar
	p, err := start(t.Context(), c, host.Options{Level: &level})
	if err != nil {
		t.Fatal(err)
	}
	awaitLevel(t, &level, slog.LevelDebug)
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

// A topic that cannot be had keeps no flow from its messages.
func TestProcess_RunsWithoutItsTopic(t *testing.T) {
	for _, url := range []string{"deaf:", "refusing:"} {
		t.Run(url, func(t *testing.T) {
			c := load(t, `
				broker "bus" { url = "`+url+`" }
				topic "control" {
				  broker  = broker.bus
				  address = "eip.control"
				}
				control_bus { topic = topic.control }
				adapter "numbers" "in" { count = 3 }
				adapter "sink" "out" {}
				flow "f" {
				  from = adapter.in
				  to   = adapter.out
				}`)
			got.Store(0)
			p, err := start(t.Context(), c, host.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := p.WaitIdle(ctx); err != nil || got.Load() != 3 {
				t.Errorf("%d messages came: %v", got.Load(), err)
			}
			if err := p.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
