package endpoint_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/internal/replies"
)

// That a caller has gone is no failure of the message, unless it is to be one; all
// else is.
func TestReply_Gone(t *testing.T) {
	gone, full := eip.Gone(errors.New("nobody is there")), errors.New("the queue is full")
	for name, test := range map[string]struct {
		gone replies.GoneCaller
		err  error
		dead bool
	}{
		"dropped":       {replies.Drop, gone, false},
		"dead letter":   {replies.DeadLetter, gone, true},
		"other failure": {replies.Drop, eip.Permanent(full), true},
		"none":          {replies.Drop, nil, false},
	} {
		for when, later := range map[string]bool{"at once": false, "later": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				var log strings.Builder
				stage, passed := endpoint.NewReply(), 0
				stage.Gone = test.gone
				dead := &eiptest.Recorder{}
				f := &eip.Flow{Name: "f", Source: &asking{3, replierFunc(func(_ context.Context, _, reply *eip.Message) error {
					if !later {
						return test.err
					}
					release := reply.Hold()
					go release(test.err)
					return nil
				})}, Stages: []eip.Stage{&eip.Named{Address: "f.reply", Stage: stage}}, DeadLetter: dead,
					To:  eip.HandlerFunc(func(context.Context, *eip.Message) error { passed++; return nil }),
					Env: eip.Env{Log: slog.New(slog.NewTextHandler(&log, nil))}}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := 0
				if test.dead {
					want = 3
				}
				if got := len(dead.Messages()); got != want {
					t.Errorf("%d dead letters, want %d", got, want)
				}
				if !test.dead && passed != 3 {
					t.Errorf("%d messages passed on", passed)
				}
				dropped, lines := int64(0), 0
				if test.err == gone && !test.dead {
					dropped, lines = 3, 1
				}
				if n := stage.Stats().Counts["gone"]; n != dropped {
					t.Errorf("it counts %d, want %d", n, dropped)
				}
				if n := strings.Count(log.String(), "a caller has gone"); n != lines || !test.dead && strings.Contains(log.String(), "ERROR") {
					t.Errorf("it logged %s", log.String())
				}
			})
		}
	}
}

// asking yields requests.
type asking struct {
	left int
	by   eip.Replier
}

func (a *asking) Receive(context.Context) (*eip.Message, error) {
	if a.left == 0 {
		return nil, io.EOF
	}
	a.left--
	return eip.New([]byte("ask"), nil).With(func(m *eip.Message) { m.ReplyTo = "answers" }).WithReplier(a.by), nil
}
