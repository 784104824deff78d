package host_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/host"

	_ "github.com/eipd/eipd/eip/adapter/timer"
	_ "github.com/eipd/eipd/eip/transform"
)

func init() {
	eip.Stages.Add("fails_first", func() eip.Stage { return &failsFirst{} })
	adapter.Add("bodies", func() any { return &bodies{} })
}

// failsFirst fails each message that it has not seen yet.
type failsFirst struct{ seen sync.Map }

func (s *failsFirst) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if _, seen := s.seen.LoadOrStore(m.ID, true); !seen {
		return errors.New("not yet")
	}
	return next.Handle(ctx, m)
}

// bodies hands on the bodies that it gets.
type bodies struct{}

var came = make(chan string, 10)

func (b *bodies) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) { return b, nil }
func (*bodies) Handle(_ context.Context, m *eip.Message) error {
	came <- string(m.Body())
	return nil
}
func (*bodies) Close() error { return nil }

// A tick, a retry and the end of a message's life come when the clock says so, and no
// sooner.
func TestHost_GoesByItsClock(t *testing.T) {
	c := load(t, `
		adapter "timer" "hourly" {
		  every = "1h"
		  count = 2
		}
		adapter "bodies" "out" {}
		queue "unread" {
		  ttl         = "1h"
		  dead_letter = queue.late
		}
		queue "late" {}
		flow "ticks" {
		  from = adapter.hourly
		  retry {
		    delay     = "1h"
		    max_delay = "1h"
		  }
		  fails_first {}
		  transform { body = "now().Format('2006-01-02T15:04:05Z07:00')" }
		  to = queue.unread
		}
		flow "late" {
		  from = queue.late
		  to   = adapter.out
		}`)
	synctest.Test(t, func(t *testing.T) {
		clock := eiptest.NewClock()
		began, really := clock.Now(), time.Now()
		h, err := start(t.Context(), c, host.Options{Clock: eip.Clock{Timekeeper: clock}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := h.Stop(); err != nil {
				t.Error(err)
			}
		}()
		came = make(chan string, 10) // of this bubble
		for n, tick := range []time.Time{began, began.Add(time.Hour)} {
			for len(came) == 0 {
				if clock.Now().After(tick.Add(2*time.Hour + 2*time.Minute)) {
					t.Fatalf("message %d has not come", n+1)
				}
				synctest.Wait()
				clock.Advance(time.Minute)
				synctest.Wait()
			}
			sent, err := time.Parse(time.RFC3339, <-came)
			if err != nil {
				t.Fatal(err)
			}
			if after := sent.Sub(tick); after < 30*time.Minute || after > 61*time.Minute {
				t.Errorf("message %d was retried %v after its tick", n+1, after)
			}
			if life := clock.Now().Sub(sent); life < time.Hour || life > time.Hour+2*time.Minute {
				t.Errorf("message %d was in the queue for %v", n+1, life)
			}
		}
		if took := time.Since(really); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
