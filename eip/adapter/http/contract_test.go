package http_test

import (
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/adapter"
	httpadapter "github.com/eipd/eipd/eip/adapter/http"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	tests := map[string]eiptest.SourceCase{
		"http": {
			New: func(t *testing.T) (adapter.SourceOpener, *adapter.Env) {
				address := freeAddress(t)
				a := httpadapter.New()
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
			New: func(t *testing.T) (adapter.SourceOpener, *adapter.Env) {
				a := sendTo(t, &resource{body: "one", etag: `"1"`})
				a.Every = time.Millisecond
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{"one"}, Endless: true, Keeps: true,
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSource(t, c) })
	}
}

func TestSinks(t *testing.T) {
	tests := map[string]eiptest.SinkCase{
		"http": {
			New: func(t *testing.T) (adapter.SinkOpener, *adapter.Env, func() []string) {
				var got requests
				return sendTo(t, &got), eiptest.AdapterEnv(), got.bodies
			},
			Refusing: func(t *testing.T) (adapter.SinkOpener, *adapter.Env) {
				return sendTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })), eiptest.AdapterEnv()
			},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSink(t, c) })
	}
}
