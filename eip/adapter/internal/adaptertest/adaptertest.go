// Package adaptertest has what the tests of adapters share.
package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
)

// Put writes a file in a folder of its own.
func Put(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	Write(t, path, content)
	return path
}

// Write writes a file.
func Write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Read reads a file; "" where there is none.
func Read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	return string(b)
}

// OpenSource opens a source.
func OpenSource(t *testing.T, a adapter.SourceOpener, env *adapter.Env) adapter.Source {
	t.Helper()
	s, err := a.OpenSource(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// OpenSink opens a sink.
func OpenSink(t *testing.T, a adapter.SinkOpener, env *adapter.Env) adapter.Sink {
	t.Helper()
	s, err := a.OpenSink(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Close closes what must close well.
func Close(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Receive takes and settles n messages.
func Receive(t *testing.T, s eip.Source, n int) (all []*eip.Message) {
	t.Helper()
	for range n {
		m, err := s.Receive(t.Context())
		if err != nil {
			t.Fatalf("receive message %d of %d: %v", len(all)+1, n, err)
		}
		all = append(all, m)
		m.Settle(nil)
	}
	return all
}

// Bodies returns the bodies of messages.
func Bodies(messages []*eip.Message) (all []string) {
	for _, m := range messages {
		all = append(all, string(m.Body()))
	}
	return all
}

// Expect takes and settles messages of just these bodies.
func Expect(t *testing.T, s eip.Source, want ...string) []*eip.Message {
	t.Helper()
	got := Receive(t, s, len(want))
	if !slices.Equal(Bodies(got), want) {
		t.Fatalf("got %q, want %q", Bodies(got), want)
	}
	return got
}

// Rest takes and settles everything until the source's end.
func Rest(t *testing.T, s eip.Source) (all []*eip.Message) {
	t.Helper()
	for {
		m, err := s.Receive(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if m == nil {
			t.Fatalf("receive: %v", err)
		}
		all = append(all, m)
		m.Settle(err)
	}
}

// ReadOut opens a source, takes all its messages and closes it.
func ReadOut(t *testing.T, a adapter.SourceOpener, env *adapter.Env) []string {
	t.Helper()
	s := OpenSource(t, a, env)
	defer Close(t, s)
	return Bodies(Rest(t, s))
}

// Send hands m to a sink, and waits until it has settled.
func Send(t *testing.T, to eip.Handler, m *eip.Message) error {
	t.Helper()
	return eip.Await(t.Context(), to, m)
}

// Cut returns lines, without what has begun behind the last.
func Cut(s string) (lines []string) {
	for line := range strings.Lines(s) {
		if line, ok := strings.CutSuffix(line, "\n"); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// A Buffer is a bytes.Buffer for several goroutines.
type Buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed *sync.Cond // set by Await
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		b.changed.Broadcast()
	}
	return b.b.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Await waits until text was written.
func (b *Buffer) Await(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = sync.NewCond(&b.mu)
	for !strings.Contains(b.b.String(), text) {
		b.changed.Wait()
	}
}

// LogTo has an adapter log to a buffer.
func LogTo(env *adapter.Env) *Buffer {
	b := &Buffer{}
	env.Log = slog.New(slog.NewTextHandler(b, nil))
	return b
}

// Blames returns the option that an error blames.
func Blames(err error) string {
	var o *eip.OptionError
	if errors.As(err, &o) {
		return o.Option
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Replier keeps the last reply to a message.
type Replier struct{ Last *eip.Message }

// Reply keeps reply.
func (r *Replier) Reply(_ context.Context, _, reply *eip.Message) error {
	r.Last = reply
	return nil
}

// Show runs a flow that prints what a source gives, for examples.
func Show(a adapter.SourceOpener) {
	ctx := context.Background()
	source, err := a.OpenSource(ctx, eiptest.AdapterEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	print := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	})
	if err := (&eip.Flow{Name: "show", Source: source, To: print}).Run(ctx); err != nil {
		fmt.Println(err)
	}
}
