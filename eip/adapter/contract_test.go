package adapter_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
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
		"http that asks": {
			New: func(t *testing.T) (eip.SourceAdapter, *eip.AdapterEnv) {
				a := sendTo(t, &resource{body: "one", etag: `"1"`})
				a.Every = time.Millisecond
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{"one"}, Endless: true, Keeps: true,
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
		"lines to named files": {
			New: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv, func() []string) {
				folder := t.TempDir()
				a := whole(folder, func(*eip.Message) string { return "sub/today.jsonl" })
				a.Format = adapter.Lines
				return a, eiptest.AdapterEnv(), func() []string { return cut(read(t, filepath.Join(folder, "sub", "today.jsonl"))) }
			},
			Refusing: func(t *testing.T) (eip.SinkAdapter, *eip.AdapterEnv) {
				a := whole(filepath.Dir(put(t, "file", "")), func(*eip.Message) string { return "file/below" })
				a.Format = adapter.Lines
				return a, eiptest.AdapterEnv()
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
	path := put(t, "full", "")
	length := int64(0)
	for bit := int64(1) << 62; bit > 0; bit >>= 1 { // the file system knows no longer file
		if os.Truncate(path, length|bit) == nil {
			length |= bit
		}
	}
	return file(path, nil), eiptest.AdapterEnv()
}
