package adapter_test

import (
	"bytes"
	"context"
	"errors"
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
)

// file makes a File adapter, changed by edit.
func file(path string, edit func(*adapter.File)) *adapter.File {
	f := adapter.NewFile()
	f.Path = eip.Program{Source: path}
	if edit != nil {
		edit(f)
	}
	return f
}

func follow(f *adapter.File) { f.Follow = true }

func wholeFile(f *adapter.File) { f.Format = adapter.Whole }

// whole makes a File adapter that writes each message to a file below root.
func whole(root string, name func(*eip.Message) string) *adapter.File {
	f := adapter.NewFile()
	f.Format, f.Root = adapter.Whole, root
	f.Path.Text = func() (eip.Text, error) {
		return func(_ context.Context, m *eip.Message) (string, error) { return name(m), nil }, nil
	}
	return f
}

// put writes a file in a folder of its own.
func put(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, content)
	return path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
	if err == nil {
		_, err = f.WriteString(content)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	return string(b)
}

func openSource(t *testing.T, a eip.SourceAdapter, env *eip.AdapterEnv) eip.AdapterSource {
	t.Helper()
	s, err := a.OpenSource(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSink(t *testing.T, a eip.SinkAdapter, env *eip.AdapterEnv) eip.AdapterSink {
	t.Helper()
	s, err := a.OpenSink(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeIt(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// receive takes and settles n messages.
func receive(t *testing.T, s eip.Source, n int) (all []*eip.Message) {
	t.Helper()
	for range n {
		m, err := s.Receive(t.Context())
		if err != nil {
			t.Fatalf("receive message %d of %d: %v", len(all)+1, n, err)
		}
		all = append(all, m)
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	return all
}

func bodies(messages []*eip.Message) (all []string) {
	for _, m := range messages {
		all = append(all, string(m.Body()))
	}
	return all
}

// expect takes and settles messages of just these bodies.
func expect(t *testing.T, s eip.Source, want ...string) []*eip.Message {
	t.Helper()
	got := receive(t, s, len(want))
	if !slices.Equal(bodies(got), want) {
		t.Fatalf("got %q, want %q", bodies(got), want)
	}
	return got
}

// rest takes and settles everything until the source's end.
func rest(t *testing.T, s eip.Source) (all []*eip.Message) {
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
		eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return err }), m)
	}
}

// readOut opens a source, takes all its messages and closes it.
func readOut(t *testing.T, a eip.SourceAdapter, env *eip.AdapterEnv) []string {
	t.Helper()
	s := openSource(t, a, env)
	defer closeIt(t, s)
	return bodies(rest(t, s))
}

func send(t *testing.T, to eip.Handler, m *eip.Message) error {
	t.Helper()
	return eip.Await(t.Context(), to, m)
}

// cut returns lines, without what has begun behind the last.
func cut(s string) (lines []string) {
	for line := range strings.Lines(s) {
		if line, ok := strings.CutSuffix(line, "\n"); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed *sync.Cond // set by await
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		b.changed.Broadcast()
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await waits until text was written.
func (b *buffer) await(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = sync.NewCond(&b.mu)
	for !strings.Contains(b.b.String(), text) {
		b.changed.Wait()
	}
}

// logTo has an adapter log to a buffer.
func logTo(env *eip.AdapterEnv) *buffer {
	b := &buffer{}
	env.Log = slog.New(slog.NewTextHandler(b, nil))
	return b
}

// blames returns the option that an error blames.
func blames(err error) string {
	var o *eip.OptionError
	if errors.As(err, &o) {
		return o.Option
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
