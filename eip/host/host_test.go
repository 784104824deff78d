package host_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"

	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/endpoint"
)

// numbers is an adapter that yields Count messages each time it is opened, and
// then fails or ends.
type numbers struct {
	Count int  `flow:"count"`
	Fails bool `flow:"fails"`
}

var opened atomic.Int64 // sources of numbers that do not fail

func init() {
	eip.Stages.Add("stuck", func() eip.Stage { return &stuck{} })
	eip.Stages.Add("unopenable", func() eip.Stage { return &unopenable{} })
	adapter.Add("numbers", func() any { return &numbers{} })
	adapter.Add("sink", func() any { return &sink{} })
}

func (a *numbers) OpenSource(context.Context, *adapter.Env) (adapter.Source, error) {
	if !a.Fails {
		opened.Add(1)
	}
	return &numbersSource{numbers: a, left: a.Count}, nil
}

type numbersSource struct {
	*numbers
	left int
}

func (s *numbersSource) Receive(context.Context) (*eip.Message, error) {
	if s.left--; s.left >= 0 {
		return eip.New([]byte("x"), nil), nil
	}
	if s.Fails {
		return nil, errors.New("broken")
	}
	return nil, io.EOF
}

func (s *numbersSource) Close() error { return nil }

// sink counts what it gets, by body.
type sink struct{}

var got atomic.Int64

func (*sink) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) { return &sink{}, nil }
func (*sink) Handle(context.Context, *eip.Message) error                   { got.Add(1); return nil }
func (*sink) Close() error                                                 { return nil }

func load(t *testing.T, text string) *flow.Config {
	t.Helper()
	return loadOn(t, "memory:", text)
}

func file(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flow.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// start runs c in a Host of its own.
func start(ctx context.Context, c *flow.Config, o host.Options) (*host.Host, error) {
	h := host.New(o)
	_, err := h.Start(ctx, c)
	return h, err
}

// A flow that fails is begun again: the source that failed is opened anew, and the
// one that had ended is left alone.
func TestProcess_BeginsAFailedFlowAgain(t *testing.T) {
	got.Store(0)
	opened.Store(0)
	c := load(t, `
		adapter "numbers" "breaks" {
		  count = 5
		  fails = true
		}
		adapter "numbers" "ends" { count = 3 }
		adapter "sink" "out" {}
		flow "f" {
		  from = [adapter.breaks, adapter.ends]
		  to   = adapter.out
		}`)
	p, err := start(t.Context(), c, host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	idle := make(chan error)
	go func() { idle <- p.WaitIdle(ctx) }() // looks on while sources are replaced
	for got.Load() < 13 {
		if ctx.Err() != nil {
			t.Fatalf("%d messages came", got.Load())
		}
		time.Sleep(time.Millisecond)
	}
	cancel() // once it has stopped it is idle
	if err := <-idle; err == nil {
		t.Error("it was idle with a source that had not ended")
	}
	if err := p.Stop(); err != nil && !strings.Contains(err.Error(), "broken") { // it may break at that moment
		t.Error(err)
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("the source that had ended was opened %d times", n)
	}
}

// stuck is a stage that waits for the end.
type stuck struct{}

func (*stuck) Process(ctx context.Context, _ *eip.Message, _ eip.Handler) error {
	<-ctx.Done()
	return ctx.Err()
}

// unopenable is a stage that keeps its flow from coming up.
type unopenable struct{}

func (*unopenable) Open(context.Context, *eip.Env) error { return errors.New("no key") }
func (*unopenable) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

// main_test.go fails where Start leaves a goroutine.
func TestConfig_StartEndsWhatItBegan(t *testing.T) {
	c := load(t, `
		adapter "numbers" "ends" {}
		adapter "sink" "out" {}
		flow "good" {
		  from = adapter.ends
		  to   = adapter.out
		}
		flow "bad" {
		  from = adapter.ends
		  unopenable {}
		  to = adapter.out
		}`)
	if _, err := start(t.Context(), c, host.Options{}); err == nil || err.Error() != "open bad.unopenable: no key" {
		t.Errorf("Start returned %v", err)
	}
}

// All flows share one grace, in whatever order they are stopped.
func TestProcess_StopsWithinTheGrace(t *testing.T) {
	c := load(t, `
		adapter "numbers" "ends" { count = 1 }
		queue "a" {}
		queue "b" {}
		flow "first" {
		  from = adapter.ends
		  send { to = queue.a }
		  stuck {}
		  to = queue.b
		}
		flow "second" {
		  from = queue.a
		  send { to = queue.b }
		  stuck {}
		  discard {}
		}
		flow "third" {
		  from = queue.b
		  stuck {}
		  discard {}
		}`)
	p, err := start(t.Context(), c, host.Options{Grace: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for p.Stats()[2].InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := p.Stop(); err == nil {
		t.Error("nothing says that messages were left")
	}
}
