package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/header"
)

// send sends a message to a queue, past the Peer.
func send(t *testing.T, b broker.RequestReply, queue string, m *eip.Message) {
	t.Helper()
	to := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return b.SendTo(ctx, queue, m) })
	if err := eip.Await(t.Context(), to, m); err != nil {
		t.Fatal(err)
	}
}

// What cannot be answered is tried three times, and then a dead letter, or dropped.
func TestPeer_ListenToEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, b := inMemory(t)
		var mu sync.Mutex
		tries := map[string]int{}
		h := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			mu.Lock()
			defer mu.Unlock()
			tries[string(m.Body())]++
			if tries[string(m.Body())] < 3 || string(m.Body()) == "never" {
				return errors.New("not now")
			}
			return nil
		})
		var graves eiptest.Recorder
		listen(t, p, "kept", h, func(l *endpoint.Listening) { l.DeadLetter = &graves })
		listen(t, p, "dropped", h)
		send(t, b, "kept", eiptest.Message("the third time"))
		send(t, b, "kept", eiptest.Message("never"))
		time.Sleep(time.Minute)
		send(t, b, "dropped", eiptest.Message("never"))
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if tries["the third time"] != 3 || tries["never"] != 6 || strings.Join(graves.Bodies(), "") != "never" {
			t.Errorf("tried %v, dead letters %v", tries, graves.Bodies())
		}
		expectCounts(t, p, map[string]int64{"failed": 2})
	})
}

// A caller who has gone is counted, whether its service replies or fails, and the request
// is done.
func TestPeer_CallerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, b := inMemory(t)
		asked := 0
		listen(t, p, "service", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			switch asked++; string(m.Body()) {
			case "reply":
				return m.Reply(ctx, eiptest.Message("answer"))
			case "of its own":
				return eip.Gone(errors.New("what it asks is not there"))
			}
			return errors.New("failed")
		}))
		for _, s := range []string{"reply", "fail"} {
			send(t, b, "service", eiptest.Message(s).With(func(m *eip.Message) { m.ReplyTo = "nobody" }))
		}
		time.Sleep(time.Minute)
		var told *endpoint.ServiceError
		if _, err := p.Call(t.Context(), "service", eiptest.Message("of its own")); !errors.As(err, &told) || eip.IsGone(err) {
			t.Errorf("a service whose own call fails gives %v", err)
		}
		if asked != 3 {
			t.Errorf("the service was asked %d times", asked)
		}
		expectCounts(t, p, map[string]int64{"gone": 2, "failed": 2})
	})
}

// A handler that fails after its reply has said all to the caller.
func TestPeer_FailsAfterItsReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		listen(t, p, "service", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			return errors.Join(m.Reply(ctx, eiptest.Message("done")), errors.New("and then"))
		}))
		if m, err := p.Call(t.Context(), "service", eiptest.Message("x")); err != nil || string(m.Body()) != "done" {
			t.Errorf("the reply is %v, %v", m, err)
		}
		time.Sleep(time.Minute)
		expectCounts(t, p, map[string]int64{"failed": 1})
	})
}

// A request that was an error reply itself is answered by no error reply.
func TestPeer_AskedByAnErrorReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		listen(t, p, "echo", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return p.Reply(ctx, m, m) }))
		request := endpoint.ErrorReply(errors.New("x")).WithHeader("kept", true)
		if m, err := p.Call(t.Context(), "echo", request); err != nil || m.Headers["kept"] != true {
			t.Errorf("the reply is %v, %v", m, err)
		}
	})
}

func TestPeer_ListenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		block := func(l *endpoint.Listening) { l.Block, l.Channel.AutoDelete = true, true }
		if err := p.Listen(ctx, "q", endpoint.Handle(addOne), block); err != nil || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if _, err := p.Call(t.Context(), "q", eiptest.Message("1")); !eip.IsGone(err) {
			t.Errorf("a call to nobody: %v", err)
		}
		exchange := func(l *endpoint.Listening) { l.Channel.Type = "direct" }
		if err := p.Listen(t.Context(), "q", eip.Discard, exchange); !eip.IsPermanent(err) || !strings.Contains(err.Error(), "type") {
			t.Errorf("what the broker cannot do: %v", err)
		}
		exists := func(l *endpoint.Listening) { l.Channel.Declare = false }
		if err := p.Listen(t.Context(), "absent", eip.Discard, exists); !eip.IsPermanent(err) || !strings.HasPrefix(err.Error(), "listen to absent: ") {
			t.Errorf("a queue that does not exist: %v", err)
		}
	})
}

// Close lets a handler finish, and ends calls.
func TestPeer_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		finished := false
		listen(t, p, "slow", eip.HandlerFunc(func(context.Context, *eip.Message) error {
			time.Sleep(5 * time.Second)
			finished = true
			return nil
		}))
		ended := make(chan error, 2)
		go func() {
			_, err := p.Call(t.Context(), "slow", eiptest.Message("a"))
			ended <- err
		}()
		go func() {
			_, err := p.Receive(t.Context())
			ended <- err
		}()
		synctest.Wait()
		began := time.Now()
		if err := p.Close(); err != nil || !finished || time.Since(began) != 5*time.Second {
			t.Errorf("close after %v: %v", time.Since(began), err)
		}
		_, sent := p.Send(t.Context(), "slow", eiptest.Message("a"))
		_, called := p.Call(t.Context(), "slow", eiptest.Message("a"))
		_, collected := p.Collect(t.Context(), "topic", eiptest.Message("a"), 1)
		_, received := p.Receive(t.Context())
		for what, err := range map[string]error{"under way": <-ended, "under way too": <-ended, "send": sent, "call": called,
			"collect": collected, "receive": received, "listen": p.Listen(t.Context(), "q", eip.Discard)} {
			if !errors.Is(err, eip.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// The replies that nobody receives are bounded, in number and in bytes.
func TestPeer_KeepsLittle(t *testing.T) {
	for name, test := range map[string]struct{ replies, size, kept int }{
		"many":  {1100, 1, 1000},
		"large": {20, 1 << 20, 15}, // a message is a little larger than its body
		"huge":  {2, 20 << 20, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := inMemory(t)
			listen(t, p, "service", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				return p.Reply(ctx, m, eip.New(make([]byte, test.size), nil))
			}))
			var last string
			for range test.replies {
				id, err := p.Send(t.Context(), "service", eiptest.Message(""))
				if err != nil {
					t.Fatal(err)
				}
				last = id
				synctest.Wait()
			}
			expectCounts(t, p, map[string]int64{"dropped": int64(test.replies - test.kept)})
			if m, err := p.Receive(t.Context(), endpoint.ID(last)); err != nil || len(m.Body()) != test.size {
				t.Errorf("%s: the newest is not there: %v", name, err)
			}
		})
	}
}

func TestPeer_Collects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		many := 3
		listen(t, p, "topic", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			for range many {
				if err := p.Reply(ctx, m, m.WithBody([]byte("here"))); err != nil {
					return err
				}
			}
			return nil
		}), func(l *endpoint.Listening) { l.Channel.Kind, l.Subscription.Name = broker.Topic, "s" })
		for _, test := range []struct {
			n, many, want int
			after         time.Duration
		}{{2, 3, 2, 0}, {3, 3, 3, 0}, {4, 3, 3, time.Second}, {0, 3, 3, time.Second}, {0, 2000, 1000, 0}} {
			many = test.many
			began := time.Now()
			all, err := p.Collect(t.Context(), "topic", eiptest.Message("who?"), test.n)
			if err != nil || len(all) != test.want || time.Since(began) != test.after {
				t.Errorf("%d of %d: got %d after %v, %v", test.n, many, len(all), time.Since(began), err)
			}
			synctest.Wait()
		}
		expectCounts(t, p, map[string]int64{"late": 1 + 1000})
		if _, err := p.Collect(t.Context(), "absent", eiptest.Message("who?"), 1); !eip.IsPermanent(err) {
			t.Errorf("from a topic that is not there: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Collect(ctx, "topic", eiptest.Message("who?"), 1); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestErrorReply(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	for name, test := range map[string]struct {
		err  error
		want endpoint.ServiceError
	}{
		"of its own": {&endpoint.ServiceError{Code: "no", Text: "because"}, endpoint.ServiceError{Code: "no", Text: "because"}},
		"no code":    {&endpoint.ServiceError{Text: "because"}, endpoint.ServiceError{Code: endpoint.CodeFailed, Text: "because"}},
		"too long":   {&endpoint.ServiceError{Code: long, Text: long}, endpoint.ServiceError{Code: long[:100], Text: long[:1000]}},
		"invalid":    {eip.Invalid(errors.New("x")), endpoint.ServiceError{Code: endpoint.CodeInvalid, Text: "the request cannot be read, or is not what the service takes"}},
		"late": {fmt.Errorf("%w: %w", eip.ErrExpired, &endpoint.ServiceError{Code: "no"}),
			endpoint.ServiceError{Code: endpoint.CodeTimeout, Text: "the service could not do it in its time"}},
	} {
		var s *endpoint.ServiceError
		if err := endpoint.ReplyError(endpoint.ErrorReply(test.err)); !errors.As(err, &s) || *s != test.want {
			t.Errorf("%s: got %#v", name, err)
		}
	}
	if endpoint.ReplyError(eiptest.Message("").WithHeader(header.Error, "of a dead letter")) != nil {
		t.Error("a dead letter is taken for an error reply")
	}
	var s *endpoint.ServiceError
	if err := endpoint.ReplyError(eiptest.Message("").WithHeader(header.ErrorCode, int32(7))); !errors.As(err, &s) || s.Code != "7" {
		t.Errorf("of a number: %#v", err)
	}
	// It passes brokers, which drop what imitates eipd's headers.
	m := endpoint.ErrorReply(errors.New("")).Headers.FromOutside()
	if m[header.ErrorCode] != endpoint.CodeFailed || m[header.Error] == nil {
		t.Errorf("of an error reply is left %v", m)
	}
}
