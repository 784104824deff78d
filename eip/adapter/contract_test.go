package adapter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	lines := "one\ntwo\n\nfour\n"
	bodies := []string{"one", "two", "", "four"}
	tests := map[string]eiptest.SourceCase{
		"timer": {
			New: func(*testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				a := adapter.NewTimer()
				a.Every, a.Count, a.Body = time.Millisecond, 3, "tick"
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{"tick", "tick", "tick"}, Forgets: true,
		},
		"endless timer": {
			New: func(*testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				a := adapter.NewTimer()
				a.Every = time.Hour
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{""}, Endless: true, Forgets: true,
		},
		"stdio": {
			New: func(*testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				env := eiptest.AdapterEnv()
				env.Stdin = strings.NewReader(lines)
				return adapter.NewStdio(), env
			},
			Bodies: bodies,
		},
		"endless stdio": {
			New: func(t *testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				env, r, w := eiptest.AdapterEnv(), (*io.PipeReader)(nil), (*io.PipeWriter)(nil)
				r, w = io.Pipe()
				env.Stdin = &endingWith{r, t.Context()}
				go io.WriteString(w, lines)
				return adapter.NewStdio(), env
			},
			Bodies: bodies, Endless: true,
		},
		"whole stdio": {
			New: func(*testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				a, env := adapter.NewStdio(), eiptest.AdapterEnv()
				a.Format, env.Stdin = adapter.Whole, strings.NewReader(lines)
				return a, env
			},
			Bodies: []string{lines},
		},
		"file": {
			New: func(t *testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				return file(put(t, "in.txt", lines), nil), eiptest.AdapterEnv()
			},
			Bodies: bodies, Keeps: true,
		},
		"followed file": {
			New: func(t *testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				return file(put(t, "in.txt", lines+"begun"), func(f *adapter.File) { f.Follow = true }), eiptest.AdapterEnv()
			},
			Bodies: bodies, Endless: true, Keeps: true,
		},
		"whole files": {
			New: func(t *testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				folder := filepath.Dir(put(t, "b.txt", "two"))
				write(t, filepath.Join(folder, "a.txt"), "one")
				write(t, filepath.Join(folder, "c.txt"), "three\n")
				return file(filepath.Join(folder, "*"), func(f *adapter.File) { f.Format = adapter.Whole }), eiptest.AdapterEnv()
			},
			Bodies: []string{"one", "two", "three\n"}, // settled one by one, so no position to check
		},
		"http": {
			New: func(t *testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				address := freeAddress(t)
				a := adapter.NewHTTP()
				a.Listen = address
				go func() {
					for t.Context().Err() == nil { // until it listens
						if status, _ := post(t.Context(), "http://"+address+"/", "one"); status != 0 {
							return
						}
					}
				}()
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{"one"}, Endless: true, Forgets: true,
		},
		"exec": {
			New: func(*testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				a := adapter.NewExec()
				a.Command = []string{"/bin/sh", "-c", `printf 'one\ntwo\n\nfour\n'; exec sleep 600`}
				return a, eiptest.AdapterEnv()
			},
			Bodies: bodies, Endless: true,
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSource(t, c) })
	}
}

// endingWith is a reader whose reads end with a context.
type endingWith struct {
	*io.PipeReader
	ctx context.Context
}

func (r *endingWith) Read(p []byte) (int, error) {
	stop := context.AfterFunc(r.ctx, func() { r.CloseWithError(io.EOF) })
	defer stop()
	return r.PipeReader.Read(p)
}

func TestSinks(t *testing.T) {
	tests := map[string]eiptest.SinkCase{
		"stdio": {
			New: func(*testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				env, out := eiptest.AdapterEnv(), &buffer{}
				env.Stdout = out
				return adapter.NewStdio(), env, func() []string { return cut(out.String()) }
			},
			Refusing: func(*testing.T) (eip.SinkAdapter, *eip.AdapterEnv) {
				env := eiptest.AdapterEnv()
				r, w := io.Pipe()
				r.Close()
				env.Stdout = w
				return adapter.NewStdio(), env
			},
		},
		"file": {
			New: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				path := filepath.Join(t.TempDir(), "new", "out.jsonl")
				return file(path, nil), eiptest.AdapterEnv(), func() []string { return cut(read(t, path)) }
			},
			Refusing: full,
		},
		"synced file": {
			New: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				path := filepath.Join(t.TempDir(), "out.jsonl")
				return file(path, func(f *adapter.File) { f.Sync = true }), eiptest.AdapterEnv(), func() []string { return cut(read(t, path)) }
			},
		},
		"whole files": {
			New: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				folder := t.TempDir()
				var n int
				var mu sync.Mutex
				a := whole(folder, func(*eip.Message) string {
					mu.Lock()
					defer mu.Unlock()
					n++
					return fmt.Sprintf("sub/%04d.json", n)
				})
				return a, eiptest.AdapterEnv(), func() (bodies []string) {
					files, _ := filepath.Glob(filepath.Join(folder, "sub", "*"))
					for _, f := range files {
						bodies = append(bodies, read(t, f))
					}
					return bodies
				}
			},
			Refusing: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv) {
				return whole(filepath.Dir(put(t, "file", "")), func(*eip.Message) string { return "file/below" }), eiptest.AdapterEnv()
			},
		},
		"http": {
			New: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				var got requests
				return sendTo(t, &got), eiptest.AdapterEnv(), got.bodies
			},
			Refusing: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv) {
				return sendTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })), eiptest.AdapterEnv()
			},
		},
		"exec": {
			New: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				path := filepath.Join(t.TempDir(), "out")
				a := adapter.NewExec()
				a.Command = []string{"/bin/sh", "-c", `body=$(cat) && echo "$body" >> "$1"`, "sh", path}
				return a, eiptest.AdapterEnv(), func() []string { return cut(read(t, path)) }
			},
			Refusing: func(*testing.T) (eip.SinkAdapter, *eip.AdapterEnv) {
				a := adapter.NewExec()
				a.Command = []string{"false"}
				return a, eiptest.AdapterEnv()
			},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSink(t, c) })
	}
}

func full(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	return file("/dev/full", nil), eiptest.AdapterEnv()
}

// file makes a File adapter, changed by edit.
func file(path string, edit func(*adapter.File)) *adapter.File {
	f := adapter.NewFile()
	f.Path = eip.Program{Source: path}
	if edit != nil {
		edit(f)
	}
	return f
}

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

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	return string(b)
}

// cut returns lines, without what has begun behind the last.
func cut(s string) []string { return slices.Collect(ends(s)) }

func ends(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(s) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// requests keeps the bodies of requests.
type requests struct {
	mu  sync.Mutex
	all []string
}

func (r *requests) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	b, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, string(b))
}

func (r *requests) bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// sendTo makes an HTTP adapter that sends to a server of its own.
func sendTo(t *testing.T, h http.Handler) *adapter.HTTP {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	a := adapter.NewHTTP()
	a.URL = server.URL
	return a
}
