package host_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
)

// hour is a stage that takes an hour, and then fails where the message says so.
type hour struct{ clock eip.Clock }

var begunHours atomic.Int64

func init() { eip.Stages.Add("hour", func() eip.Stage { return &hour{} }) }

func (h *hour) Open(_ context.Context, env *eip.Env) error {
	h.clock = env.Clock
	return nil
}

func (h *hour) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	due, t := h.clock.NewTimer(time.Hour)
	defer t.Stop()
	begunHours.Add(1)
	select {
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	}
	if string(m.Body()) == "fail" {
		return fmt.Errorf("no")
	}
	return next.Handle(ctx, m)
}

// What callers who have given up leave behind: nothing but counts.
func TestService_CallersThatGaveUp(t *testing.T) {
	for name, tt := range map[string]struct {
		body, more string
		want       string // what is counted of the service, and gone of its reply
	}{
		"replies":       {"x", "", "5 received, 1 expired, 4 sent, 0 answered, 0 unanswered, 4 gone"},
		"error replies": {"fail", "", "5 received, 1 expired, 0 sent, 0 answered, 4 unanswered, 0 gone"},
		"time-outs":     {"x", `timeout = "30m"`, "5 received, 1 expired, 0 sent, 0 answered, 4 unanswered, 0 gone"},
	} {
		for _, url := range []string{"memory:", "embedded:"} {
			t.Run(name+" on "+url, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log lockedLog
					clock := eiptest.NewClock()
					begunHours.Store(0)
					if url == "embedded:" {
						url += t.TempDir()
					}
					c := loadOn(t, url, "service \"slow\" {\n  concurrency = 4\n  "+tt.more+"\n  hour {}\n  reply {}\n}")
					p, err := start(t.Context(), c, host.Options{Clock: eip.Clock{Timekeeper: clock}, Log: slog.New(slog.NewTextHandler(&log, nil))})
					if err != nil {
						t.Fatal(err)
					}
					for range 100 {
						m := eip.New([]byte(tt.body), nil).With(func(m *eip.Message) {
							m.ID, m.ReplyTo, m.Expiration = eip.NewID(), "eip.inbox."+eip.NewID(), 300*time.Millisecond
						})
						if err := p.Inject(t.Context(), "queue.slow", m); err != nil {
							t.Fatal(err)
						}
					}
					for range 4 {
						synctest.Wait()
						clock.Advance(time.Hour)
					}
					synctest.Wait()
					f := flowOf(t, p, "slow")
					counts, _ := f.Counts()
					own := control.Stage{}
					for _, s := range f.Stages() {
						if s.Kind == "reply" {
							own = s
						}
					}
					gone := own.Named.Stage.(eip.Counted).Stats().Counts["gone"]
					got := fmt.Sprintf("%d received, %d expired, %d sent, %d answered, %d unanswered, %d gone", counts.Received, counts.Expired, counts.Sent, counts.Answered, counts.Unanswered, gone)
					if got != tt.want || begunHours.Load() != 4 || counts.InFlight != 0 {
						t.Errorf("%s; %d were begun, and %d are in flight", got, begunHours.Load(), counts.InFlight)
					}
					if f.Kind() != "service" {
						t.Errorf("it is a %s", f.Kind())
					}
					if len(p.Channels()) != 1 || len(p.Traffic()) != 1 {
						t.Errorf("there are the channels %v", p.Channels())
					}
					if _, err := f.DeadLetters(t.Context(), false); err == nil || !strings.Contains(err.Error(), "keeps no dead letters") {
						t.Errorf("its dead letters: %v", err)
					}
					if said := log.String(); strings.Contains(said, "ERROR") {
						t.Errorf("the log says %s", said)
					}
					if err := p.Stop(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

type lockedLog struct {
	mu sync.Mutex
	strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.String()
}
