package endpoint_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

func TestRequest_NoReplyInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post eiptest.Post
		r := endpoint.NewRequest()
		r.To, r.Timeout = post.Channel("slow"), 5*time.Second
		open(t, r)
		start := time.Now()
		_, err := eiptest.Process(t.Context(), r, eiptest.Message("m"))
		if err == nil || eip.IsPermanent(err) || err.Error() != "no reply within 5s" || time.Since(start) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		// The reply comes after all, twice, and one that nobody asked for.
		request, _ := post.Channel("slow").Receive(t.Context())
		for range 2 {
			eip.Deliver(t.Context(), shout, request.Fork(nil))
		}
		eip.Deliver(t.Context(), shout, request.With(func(m *eip.Message) { m.CorrelationID = "whose?" }).Fork(nil))
		synctest.Wait()
		wantCounts(t, r, map[string]int64{"requests": 1, "timed_out": 1, "unmatched": 3})
		closed(t, r)
	})
}

func TestRequest_CancelledWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := endpoint.NewRequest()
		r.To = new(eiptest.Post).Channel("nobody")
		open(t, r)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		out := make(chan error, 1)
		eip.Deliver(ctx, eip.Chain([]eip.Stage{r}, eip.Discard), eip.New(nil, func(err error) { out <- err }))
		if err := <-out; !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		wantCounts(t, r, map[string]int64{"requests": 1, "failed": 1})
		closed(t, r)
	})
}

// A request that cannot be sent fails at once, also where that shows later.
func TestRequest_ThatCannotBeSent(t *testing.T) {
	refused := errors.New("refused")
	for name, to := range map[string]eip.Handler{
		"refuses":  eip.HandlerFunc(func(context.Context, *eip.Message) error { return refused }),
		"holds":    eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { go m.Hold()(refused); return nil }),
		"swallows": eip.Discard,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := endpoint.NewRequest()
				r.To = to
				open(t, r)
				start := time.Now()
				passed, err := eiptest.Process(t.Context(), r, eiptest.Message("m"))
				if err == nil || errors.Is(err, refused) == (name == "swallows") || len(passed) > 0 || time.Since(start) > 0 {
					t.Errorf("after %v: passed %v, %v", time.Since(start), passed, err)
				}
				wantCounts(t, r, map[string]int64{"requests": 1, "failed": 1})
				closed(t, r)
			})
		})
	}
}

func TestRequest_InvalidExpressions(t *testing.T) {
	bad := errors.New("no JSON")
	for name, change := range map[string]func(*endpoint.Request){
		"body": func(r *endpoint.Request) {
			r.Body = func(context.Context, *eip.Message) (any, error) { return nil, bad }
		},
		"merge": func(r *endpoint.Request) {
			r.Merge = func(context.Context, *eip.Message, *eip.Message) (any, error) { return nil, bad }
		},
	} {
		r := endpoint.NewRequest()
		r.To = shout
		change(r)
		open(t, r)
		if passed, err := eiptest.Process(t.Context(), r, eiptest.Message("m")); !errors.Is(err, bad) || len(passed) > 0 {
			t.Errorf("%s: passed %v, %v", name, passed, err)
		}
		closed(t, r)
	}
	for option, r := range map[string]*endpoint.Request{
		"timeout": {To: shout},
		"to":      {To: eip.Multicast{shout, shout}, Timeout: time.Second},
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}

// A stage whose inbox is lost says so, and does not wait in vain.
func TestRequest_LostInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := endpoint.NewRequest()
		r.To = lost{}
		open(t, r)
		synctest.Wait()
		_, err := eiptest.Process(t.Context(), r, eiptest.Message("m"))
		if err == nil || eip.IsPermanent(err) || !strings.Contains(err.Error(), "access refused") {
			t.Errorf("%v", err)
		}
		if err := r.Close(t.Context()); err == nil {
			t.Error("close hides it")
		}
	})
}

type lost struct{ eip.Handler }

func (lost) Inbox(context.Context, string) (eip.Inbox, error) { return lostInbox{}, nil }

type lostInbox struct{ eip.Inbox }

func (lostInbox) Receive(context.Context) (*eip.Message, error) {
	return nil, errors.New("access refused")
}
func (lostInbox) Address() string { return "lost" }
func (lostInbox) Close() error    { return nil }

// An error reply is a failure; what the service will refuse again is not tried again.
func TestRequest_ErrorReply(t *testing.T) {
	for name, test := range map[string]struct {
		err       error
		code      string
		permanent bool
	}{
		"failed":        {errors.New("secret"), endpoint.CodeFailed, false},
		"invalid":       {eip.Invalid(errors.New("secret")), endpoint.CodeInvalid, true},
		"of its choice": {&endpoint.ServiceError{Code: "busy", Text: "come back"}, "busy", false},
	} {
		r := endpoint.NewRequest()
		r.To = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return m.Reply(ctx, endpoint.ErrorReply(test.err)) })
		open(t, r)
		passed, err := eiptest.Process(t.Context(), r, eiptest.Message("m"))
		var s *endpoint.ServiceError
		if !errors.As(err, &s) || s.Code != test.code || eip.IsPermanent(err) != test.permanent || len(passed) > 0 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: passed %v, %v", name, passed, err)
		}
		wantCounts(t, r, map[string]int64{"requests": 1, "failed": 1})
		closed(t, r)
	}
}
