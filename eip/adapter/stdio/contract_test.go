package stdio_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/adapter/stdio"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	lines := "one\ntwo\n\nfour\n"
	bodies := []string{"one", "two", "", "four"}
	tests := map[string]eiptest.SourceCase{
		"stdio": {
			New: func(*testing.T) (adapter.SourceOpener, *adapter.Env) {
				env := eiptest.AdapterEnv()
				env.Stdin = strings.NewReader(lines)
				return stdio.New(), env
			},
			Bodies: bodies,
		},
		"endless stdio": {
			New: func(t *testing.T) (adapter.SourceOpener, *adapter.Env) {
				env, r, w := eiptest.AdapterEnv(), (*io.PipeReader)(nil), (*io.PipeWriter)(nil)
				r, w = io.Pipe()
				env.Stdin = &endingWith{r, t.Context()}
				go io.WriteString(w, lines)
				return stdio.New(), env
			},
			Bodies: bodies, Endless: true,
		},
		"whole stdio": {
			New: func(*testing.T) (adapter.SourceOpener, *adapter.Env) {
				a, env := stdio.New(), eiptest.AdapterEnv()
				a.Format, env.Stdin = adapter.Whole, strings.NewReader(lines)
				return a, env
			},
			Bodies: []string{lines},
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
			New: func(*testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
				env, out := eiptest.AdapterEnv(), &adaptertest.Buffer{}
				env.Stdout = out
				return stdio.New(), env, func() []string { return adaptertest.Cut(out.String()) }
			},
			Refusing: func(*testing.T) (adapter.SinkOpener, *adapter.Env) {
				env := eiptest.AdapterEnv()
				r, w := io.Pipe()
				r.Close()
				env.Stdout = w
				return stdio.New(), env
			},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSink(t, c) })
	}
}
