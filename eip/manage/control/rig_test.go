package control_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/rabbit"

	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/endpoint"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/routing"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		rabbit.Close()
		os.Exit(code)
	}))
}

var discard = slog.New(slog.DiscardHandler)

// A basin is an adapter between a test and its flows: what the test feeds comes out
// of it, and it keeps what flows send to it.
type basin struct {
	Name string `flow:"name,required"`
}

var basins sync.Map // by name

type pool struct {
	in     chan string
	mu     sync.Mutex
	got    []*eip.Message
	refuse func(*eip.Message) error // nil: nothing; set before the first message
	out    chan struct{}            // told of each that came
}

func init() {
	adapter.Add("basin", func() any { return &basin{} })
	eip.Stages.Add("mark", func() eip.Stage { return &mark{} })
}

// mark is a stage that adds its name to a header.
type mark struct {
	Label string `flow:",label"`
}

func (s *mark) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	marks, _ := m.Headers["marks"].(string)
	return next.Handle(ctx, m.WithHeader("marks", marks+" "+s.Label))
}

func poolOf(name string) *pool {
	p, _ := basins.LoadOrStore(name, &pool{in: make(chan string), out: make(chan struct{}, 1)})
	return p.(*pool)
}

func (b *basin) OpenSource(context.Context, *adapter.Env) (adapter.Source, error) {
	return poolOf(b.Name), nil
}

func (b *basin) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) {
	return poolOf(b.Name), nil
}

func (p *pool) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case body := <-p.in:
		if text, ok := strings.CutPrefix(body, "deflated:"); ok {
			var b bytes.Buffer
			w := zlib.NewWriter(&b)
			_, err := io.WriteString(w, text)
			err = errors.Join(err, w.Close())
			return eip.New(b.Bytes(), nil).With(func(m *eip.Message) { m.Encoding = "deflate" }), err
		}
		return eip.New([]byte(body), nil), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pool) Handle(_ context.Context, m *eip.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		if err := p.refuse(m); err != nil {
			return err
		}
	}
	p.got = append(p.got, m)
	select {
	case p.out <- struct{}{}:
	default:
	}
	return nil
}

func (p *pool) Close() error { return nil }

func (p *pool) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

func (p *pool) messages() []*eip.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*eip.Message(nil), p.got...)
}

// await waits until n messages have come.
func (p *pool) await(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for p.count() < n {
		select {
		case <-p.out:
		case <-deadline:
			t.Fatalf("%d messages came, want %d", p.count(), n)
		}
	}
}

// feed gives bodies to a pool's flow.
func (p *pool) feed(t *testing.T, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		select {
		case p.in <- b:
		case <-time.After(time.Minute):
			t.Fatal("nobody takes messages")
		}
	}
}

// stream feeds bodies by their number, one after the other, until end, which returns
// how many were taken.
func (p *pool) stream(body func(n int) string) (end func() (fed int)) {
	stop, taken := make(chan struct{}), make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case p.in <- body(n):
			case <-stop:
				taken <- n
				return
			}
		}
	}()
	return func() int {
		close(stop)
		return <-taken
	}
}

// process is a running process of its own, with a socket.
type process struct {
	*host.Host
	client *control.Client
	socket string
}

// run starts the flows in text, in which %s is a name for basins that nobody else
// has.
func run(t *testing.T, text string) (*process, *pool, *pool) {
	t.Helper()
	return runOn(t, "memory:", text)
}

func runOn(t *testing.T, broker, text string) (*process, *pool, *pool) {
	t.Helper()
	return runBy(t, eip.Clock{}, broker, text)
}

func runBy(t *testing.T, clock eip.Clock, broker, text string) (*process, *pool, *pool) {
	t.Helper()
	in, out := t.Name()+".in."+eip.NewID(), t.Name()+".out."+eip.NewID()
	dir := t.TempDir()
	file := filepath.Join(dir, "flow.hcl")
	text = fmt.Sprintf("adapter \"basin\" \"in\" {\n name = %q\n}\nadapter \"basin\" \"out\" {\n name = %q\n}\n", in, out) + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{file}, Broker: broker})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p := host.New(host.Options{Instance: filepath.Base(dir) + eip.NewID()[:4], DataDir: dir, Clock: clock,
		OpenPositions: func(dir string) (host.PositionStore, error) { return embedded.OpenPositions(dir, nil) }})
	if _, err := p.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, control.SocketName)
	if err := p.Control().ServeSocket(socket); err != nil {
		t.Fatal(err)
	}
	client, err := control.DialSocket(socket)
	if err != nil {
		t.Fatal(err)
	}
	return &process{p, client, socket}, poolOf(in), poolOf(out)
}

type args = map[string]any

// do gives a command and returns the result, decoded as T.
func do[T any](t *testing.T, c *control.Client, command, target string, a args) T {
	t.Helper()
	v, err := try[T](t, c, command, target, a)
	if err != nil {
		t.Fatalf("%s %s: %v", command, target, err)
	}
	return v
}

// try is do of what may be refused.
func try[T any](t *testing.T, c *control.Client, command, target string, a args) (v T, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for r, err := range c.Do(ctx, control.Command{Command: command, Target: target, Args: a}, control.Collect{Expect: 1, Wait: time.Minute}) {
		if err != nil {
			t.Fatalf("%s %s: %v", command, target, err)
		}
		err = r.Read(&v)
		return v, err
	}
	return v, errors.New("no reply")
}

func refused(t *testing.T, c *control.Client, code control.Code, command, target string, a args) {
	t.Helper()
	_, err := try[any](t, c, command, target, a)
	var e *control.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s %s %v: %v, want %s", command, target, a, err, code)
	}
}

// counts are the counts of one address in the result of stats.
type counts struct {
	stats.Counts
	Branches map[string]int64 `json:"branches"`
	Tests    control.Tests    `json:"tests"`
	Latency  control.Latency  `json:"latency_ms"`
}

// addUp checks the equation of every flow and stage.
func addUp(t *testing.T, all map[string]counts) {
	t.Helper()
	for address, c := range all {
		switch kind, _, _ := strings.Cut(address, "."); kind {
		case "queue", "topic", "adapter": // what is taken and what is sent are apart
			continue
		}
		if c.Received != c.Sent+c.Failed+c.Dropped+c.InFlight {
			t.Errorf("%s does not add up: %+v", address, c)
		}
	}
}
