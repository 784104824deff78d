package host_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/host"
)

func init() {
	adapter.Add("stamped", func() any { return &stamped{} })
	eip.Stages.Add("slow", func() eip.Stage { return &slow{} })
}

type slow struct{}

func (*slow) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	time.Sleep(5 * time.Minute)
	return next.Handle(ctx, m)
}

// stamped notes what it gets, and when.
type stamped struct{}

var stamps struct {
	sync.Mutex
	came []string
}

func (*stamped) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) { return &stamped{}, nil }
func (*stamped) Close() error                                                 { return nil }
func (*stamped) Handle(_ context.Context, m *eip.Message) error {
	stamps.Lock()
	defer stamps.Unlock()
	stamps.came = append(stamps.came, fmt.Sprintf("%s %s", time.Now().UTC().Format("2 15:04"), m.Body()))
	return nil
}

// A flow that polls takes what it may when it may. The time is that of a synctest bubble,
// which begins on the first of January, at midnight UTC.
func TestPoll(t *testing.T) {
	ticks := func(every string, count int) string {
		return fmt.Sprintf(`
		adapter "timer" "a" {
		  every = %q
		  count = %d
		  body  = "a"
		}
		queue "a" {}
		flow "feed" {
		  from = adapter.a
		  to   = queue.a
		}`, every, count)
	}
	tests := map[string]struct {
		flows string
		wait  time.Duration
		want  string
	}{
		"a batch every so often": {
			ticks("1ms", 5) + `
			flow "f" {
			  from = queue.a
			  poll {
			    every = "10m"
			    batch = 2
			  }
			  to = adapter.out
			}`, time.Hour, "1 00:00 a, 1 00:00 a, 1 00:10 a, 1 00:10 a, 1 00:20 a",
		},
		"all that is there": {
			ticks("4m", 5) + `
			flow "f" {
			  from = queue.a
			  poll { every = "10m" }
			  to = adapter.out
			}`, time.Hour, "1 00:00 a, 1 00:10 a, 1 00:10 a, 1 00:20 a, 1 00:20 a",
		},
		"in some hours of the day": {
			ticks("9h", 4) + `
			flow "f" {
			  from = queue.a
			  poll { between = "08:00-17:00" }
			  to = adapter.out
			}`, 48 * time.Hour, "1 08:00 a, 1 09:00 a, 2 08:00 a, 2 08:00 a",
		},
		"over midnight, in another time zone": {
			ticks("1ms", 5) + `
			flow "f" {
			  from = queue.a
			  poll {
			    every   = "15m"
			    batch   = 2
			    between = "22:10-22:30"
			    zone    = "Asia/Tokyo" // nine hours before UTC
			  }
			  to = adapter.out
			}`, 48 * time.Hour, "1 13:10 a, 1 13:10 a, 1 13:25 a, 1 13:25 a, 2 13:10 a",
		},
		"of several sources, no more than a batch": {
			ticks("1ms", 5) + `
			adapter "timer" "b" {
			  every = "1ms"
			  count = 5
			  body  = "a"
			}
			flow "f" {
			  from = [queue.a, adapter.b]
			  poll {
			    every = "1h"
			    batch = 4
			  }
			  to = adapter.out
			}`, 100 * time.Minute, "1 00:00 a, 1 00:00 a, 1 00:00 a, 1 00:00 a, 1 01:00 a, 1 01:00 a, 1 01:00 a, 1 01:00 a",
		},
		"a message that takes long does not end the poll": {
			ticks("1ms", 5) + `
			flow "f" {
			  from = queue.a
			  poll { every = "1h" }
			  slow {}
			  to = adapter.out
			}`, 50 * time.Minute, "1 00:05 a, 1 00:10 a, 1 00:15 a, 1 00:20 a, 1 00:25 a",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := load(t, `adapter "stamped" "out" {}`+tt.flows)
			stamps.came = nil
			synctest.Test(t, func(t *testing.T) {
				h, err := start(t.Context(), c, host.Options{})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.wait)
				if err := h.Stop(); err != nil {
					t.Error(err)
				}
			})
			slices.Sort(stamps.came)
			if got := strings.Join(stamps.came, ", "); got != tt.want {
				t.Errorf("it took %s\nwant    %s", got, tt.want)
			}
		})
	}
}
