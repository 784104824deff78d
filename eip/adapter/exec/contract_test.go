package exec_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/exec"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	bodies := []string{"one", "two", "", "four"}
	tests := map[string]eiptest.SourceCase{
		"exec": {
			New: func(*testing.T) (adapter.SourceOpener, *adapter.Env) {
				a := exec.New()
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

func TestSinks(t *testing.T) {
	tests := map[string]eiptest.SinkCase{
		"exec": {
			New: func(t *testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
				path := filepath.Join(t.TempDir(), "out")
				a := exec.New()
				a.Command = []string{"/bin/sh", "-c", `body=$(cat) && echo "$body" >> "$1"`, "sh", path}
				return a, eiptest.AdapterEnv(), func() []string { return adaptertest.Cut(adaptertest.Read(t, path)) }
			},
			Refusing: func(*testing.T) (adapter.SinkOpener, *adapter.Env) {
				a := exec.New()
				a.Command = []string{"false"}
				return a, eiptest.AdapterEnv()
			},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSink(t, c) })
	}
}
