package eip_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// caller takes replies, and settles them with err.
type caller struct {
	mu  sync.Mutex
	got []string
	err error
}

func (c *caller) Reply(_ context.Context, _, reply *eip.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := string(reply.Body())
	if e, ok := reply.Headers[header.Error].(string); ok {
		text = "error " + e
	}
	c.got = append(c.got, text)
	release := reply.Hold()
	go release(c.err) // the confirm comes later
	return nil
}

func reply(text string) eip.StageFunc {
	return func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if err := m.Reply(ctx, eip.New([]byte(text), nil)); err != nil {
			return err
		}
		return next.Handle(ctx, m)
	}
}

func failing(err error) eip.StageFunc {
	return func(context.Context, *eip.Message, eip.Handler) error { return err }
}

// Who sent what fails is told once, unless it has its reply.
func TestFlow_ErrorReply(t *testing.T) {
	boom, gone := errors.New("boom"), eip.Gone(errors.New("nobody there"))
	for name, tt := range map[string]struct {
		stages     []eip.Stage
		anonymous  bool  // no Return Address
		refused    error // what replies end with
		deadLetter bool
		attempts   int
		want       string // replies
		dead       int
		counts     stats.Counts
		log        string
	}{
		"no failure": {stages: []eip.Stage{reply("yes")}, want: "yes", counts: stats.Counts{Sent: 1, Copies: 1}},
		"failed": {stages: []eip.Stage{failing(boom)}, want: "error boom", counts: stats.Counts{Failed: 1, Answered: 1},
			log: "level=WARN msg=\"request failed, and its caller is told so\""},
		"invalid": {stages: []eip.Stage{failing(eip.Invalid(boom))}, want: "error boom", counts: stats.Counts{Failed: 1, Answered: 1}, log: "level=WARN msg=\"request refused, and its caller is told so\""},
		"panic": {stages: []eip.Stage{eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { panic("oh") })},
			want: "error panic: oh", counts: stats.Counts{Failed: 1, Answered: 1}, log: "stack="},
		"tried again": {stages: []eip.Stage{failing(boom)}, attempts: 3, want: "error boom", counts: stats.Counts{Failed: 1, Answered: 1, Retried: 2}},
		"it had its reply": {stages: []eip.Stage{reply("yes"), failing(boom)}, want: "yes", counts: stats.Counts{Failed: 1, Unanswered: 1},
			log: "level=WARN msg=\"request failed, and its caller cannot be told\""},
		"its reply was refused": {stages: []eip.Stage{reply("yes"), failing(boom)}, refused: errors.New("full"), want: "yes|error boom\nfull",
			counts: stats.Counts{Failed: 1, Unanswered: 1}, log: "cause=full"},
		"gone":              {stages: []eip.Stage{failing(boom)}, refused: gone, want: "error boom", counts: stats.Counts{Failed: 1, Unanswered: 1}},
		"no Return Address": {stages: []eip.Stage{failing(boom)}, anonymous: true, counts: stats.Counts{Failed: 1, Unanswered: 1}, log: "msg=\"request failed, and its caller cannot be told\""},
		"dead letter too": {stages: []eip.Stage{failing(boom)}, deadLetter: true, want: "error boom", dead: 1,
			counts: stats.Counts{Failed: 1, DeadLettered: 1}, log: "level=ERROR msg=\"message failed for good\""},
		"dead letter alone": {stages: []eip.Stage{failing(boom)}, deadLetter: true, anonymous: true, dead: 1,
			counts: stats.Counts{Failed: 1, DeadLettered: 1}, log: "level=ERROR msg=\"message failed for good\""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, dead, log := &caller{err: tt.refused}, &eiptest.Recorder{}, &strings.Builder{}
				m := eiptest.Message("?")
				if !tt.anonymous {
					m = m.With(func(m *eip.Message) { m.ReplyTo = "here" }).WithReplier(c)
				}
				src := eiptest.NewSource(m)
				f := &eip.Flow{Name: "f", Source: src, Stages: tt.stages, To: eip.Discard, Retry: eip.Retry{Attempts: max(tt.attempts, 1)},
					ErrorReply: func(err error) *eip.Message { return eip.New(nil, nil).WithHeader(header.Error, err.Error()) }, Env: eip.Env{Log: slog.New(slog.NewTextHandler(log, nil))}}
				if tt.deadLetter {
					f.DeadLetter = dead
				}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(slices.Compact(c.got), "|"); got != tt.want || len(dead.Messages()) != tt.dead {
					t.Errorf("the caller got %q, and there are %d dead letters", got, len(dead.Messages()))
				}
				src.Check(t)
				tt.counts.Received = 1
				if counts, _ := f.Counts(); counts != tt.counts {
					t.Errorf("the counts are %+v", counts)
				}
				if said := log.String(); !strings.Contains(said, tt.log) || !tt.deadLetter && strings.Contains(said, "ERROR") {
					t.Errorf("the log says %q", said)
				}
			})
		})
	}
}

// A request that was an error reply itself, as one that a service is to tell of, is
// answered by no error reply.
func TestFlow_ErrorReplyAsked(t *testing.T) {
	var got *eip.Message
	c := replier(func(_, reply *eip.Message) { got = reply })
	echo := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return errors.Join(m.Reply(ctx, m), next.Handle(ctx, m))
	})
	m := eiptest.Message("?").WithHeaders(eip.Headers{header.ErrorCode: "no", "kept": true}).WithReplier(c)
	f := &eip.Flow{Name: "f", Source: eiptest.NewSource(m), Stages: []eip.Stage{echo}, To: eip.Discard,
		ErrorReply: func(error) *eip.Message { return eip.New(nil, nil) }}
	if err := f.Run(t.Context()); err != nil || got == nil || got.Headers[header.ErrorCode] != nil || got.Headers["kept"] != true {
		t.Errorf("the reply is %v, %v", got, err)
	}
}

// A secret goes to nobody.
func TestFlow_ErrorReplyIsDiscreet(t *testing.T) {
	c := &caller{}
	m := eip.New(nil, nil).With(func(m *eip.Message) { m.ReplyTo = "here" }).WithReplier(c)
	f := &eip.Flow{Name: "f", Source: eiptest.NewSource(m), Stages: []eip.Stage{failing(eip.Permanent(errors.New("card 4711")))}, To: eip.Discard,
		ErrorReply: func(err error) *eip.Message { return eip.New(nil, nil).WithHeader(header.Error, "refused: card 4711") },
		Discreet: func(_ *eip.Message, err error) error {
			return fmt.Errorf("%s%.0w", strings.ReplaceAll(err.Error(), "4711", "…"), err)
		}}
	if err := f.Run(t.Context()); err != nil || len(c.got) != 1 || c.got[0] != "error refused: card …" {
		t.Errorf("%q, %v", c.got, err)
	}
}

// What takes too long ends, and what would is not begun.
func TestFlow_Timeout(t *testing.T) {
	for name, tt := range map[string]struct {
		retry  eip.Retry
		fails  bool
		orders eip.Text
		want   string
		counts stats.Counts
	}{
		"cut off":          {retry: eip.Retry{Attempts: 3}, want: "4s late|4s late", counts: stats.Counts{Received: 2, Failed: 2, Answered: 2}},
		"between attempts": {retry: eip.Retry{Attempts: 3, Delay: time.Hour, MaxDelay: time.Hour}, fails: true, want: "3s late|3s late", counts: stats.Counts{Received: 2, Failed: 2, Answered: 2}},
		"not begun": {orders: func(context.Context, *eip.Message) (string, error) { return "", nil }, want: "4s late|4s late",
			counts: stats.Counts{Received: 2, Failed: 1, Answered: 1, Dropped: 1, Expired: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, began := &caller{}, time.Now()
				var begun atomic.Int64
				request := func() *eip.Message {
					return eip.New(nil, nil).With(func(m *eip.Message) { m.ReplyTo = "here" }).WithReplier(c)
				}
				work := eip.StageFunc(func(ctx context.Context, _ *eip.Message, _ eip.Handler) error {
					begun.Add(1)
					if tt.fails {
						return errors.New("boom")
					}
					<-ctx.Done()
					time.Sleep(time.Second)
					return ctx.Err()
				})
				concurrency := 2
				f := &eip.Flow{Name: "f", Source: eiptest.NewSource(request(), request()), Stages: []eip.Stage{work}, To: eip.Discard,
					Concurrency: concurrency, OrderBy: tt.orders, Retry: tt.retry, Timeout: 3 * time.Second,
					ErrorReply: func(err error) *eip.Message {
						text := time.Since(began).String()
						if errors.Is(err, eip.ErrExpired) {
							text += " late"
						}
						return eip.New([]byte(text), nil)
					}}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				counts, _ := f.Counts()
				if got := strings.Join(c.got, "|"); got != tt.want || counts != tt.counts || begun.Load() != tt.counts.Failed {
					t.Errorf("the callers got %q, %d were begun, and the counts are %+v", got, begun.Load(), counts)
				}
			})
		})
	}
}
