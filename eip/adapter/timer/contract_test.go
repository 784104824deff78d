package timer_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/timer"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	tests := map[string]eiptest.SourceCase{
		"timer": {
			New: func(*testing.T) (adapter.SourceOpener, *adapter.Env) {
				a := timer.New()
				a.Every, a.Count, a.Body = time.Millisecond, 3, "tick"
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{"tick", "tick", "tick"}, Forgets: true,
		},
		"endless timer": {
			New: func(*testing.T) (adapter.SourceOpener, *adapter.Env) {
				a := timer.New()
				a.Every = time.Hour
				return a, eiptest.AdapterEnv()
			},
			Bodies: []string{""}, Endless: true, Forgets: true,
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { eiptest.AdapterSource(t, c) })
	}
}
