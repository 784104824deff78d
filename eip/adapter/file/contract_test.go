package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	lines := "one\ntwo\n\nfour\n"
	bodies := []string{"one", "two", "", "four"}
	tests := map[string]eiptest.SourceCase{
		"file": {
			New: func(t *testing.T) (adapter.SourceOpener, *adapter.Env) {
				return at(adaptertest.Put(t, "in.txt", lines), nil), eiptest.AdapterEnv()
			},
			Bodies: bodies, Keeps: true,
		},
		"followed file": {
			New: func(t *testing.T) (adapter.SourceOpener, *adapter.Env) {
				return at(adaptertest.Put(t, "in.txt", lines+"begun"), func(f *file.Adapter) { f.Follow = true }), eiptest.AdapterEnv()
			},
			Bodies: bodies, Endless: true, Keeps: true,
		},
		"whole files": {
			New: func(t *testing.T) (adapter.SourceOpener, *adapter.Env) {
				folder := filepath.Dir(adaptertest.Put(t, "b.txt", "two"))
				adaptertest.Write(t, filepath.Join(folder, "a.txt"), "one")
				adaptertest.Write(t, filepath.Join(folder, "c.txt"), "three\n")
				return at(filepath.Join(folder, "*"), func(f *file.Adapter) { f.Format = adapter.Whole }), eiptest.AdapterEnv()
			},
			Bodies: []string{"one", "two", "three\n"}, // settled one by one, so no position to check
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSource(t, c) })
	}
}

func TestSinks(t *testing.T) {
	tests := map[string]eiptest.SinkCase{
		"file": {
			New: func(t *testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
				path := filepath.Join(t.TempDir(), "new", "out.jsonl")
				return at(path, nil), eiptest.AdapterEnv(), func() []string { return adaptertest.Cut(adaptertest.Read(t, path)) }
			},
			Refusing: full,
		},
		"synced file": {
			New: func(t *testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
				path := filepath.Join(t.TempDir(), "out.jsonl")
				return at(path, func(f *file.Adapter) { f.Sync = true }), eiptest.AdapterEnv(), func() []string { return adaptertest.Cut(adaptertest.Read(t, path)) }
			},
		},
		"lines to named files": {
			New: func(t *testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
				folder := t.TempDir()
				a := whole(folder, func(*eip.Message) string { return "sub/today.jsonl" })
				a.Format = adapter.Lines
				return a, eiptest.AdapterEnv(), func() []string {
					return adaptertest.Cut(adaptertest.Read(t, filepath.Join(folder, "sub", "today.jsonl")))
				}
			},
			Refusing: func(t *testing.T) (adapter.SinkOpener, *adapter.Env) {
				a := whole(filepath.Dir(adaptertest.Put(t, "file", "")), func(*eip.Message) string { return "file/below" })
				a.Format = adapter.Lines
				return a, eiptest.AdapterEnv()
			},
		},
		"whole files": {
			New: func(t *testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
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
						bodies = append(bodies, adaptertest.Read(t, f))
					}
					return bodies
				}
			},
			Refusing: func(t *testing.T) (adapter.SinkOpener, *adapter.Env) {
				return whole(filepath.Dir(adaptertest.Put(t, "file", "")), func(*eip.Message) string { return "file/below" }), eiptest.AdapterEnv()
			},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSink(t, c) })
	}
}

func full(t *testing.T) (adapter.SinkOpener, *adapter.Env) {
	path := adaptertest.Put(t, "full", "")
	length := int64(0)
	for bit := int64(1) << 62; bit > 0; bit >>= 1 { // the file system knows no longer file
		if os.Truncate(path, length|bit) == nil {
			length |= bit
		}
	}
	return at(path, nil), eiptest.AdapterEnv()
}
