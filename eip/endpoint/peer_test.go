package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

// inMemory returns a Peer on a broker of its own, which end with the test.
func inMemory(t *testing.T) (*endpoint.Peer, broker.RequestReply) {
	t.Helper()
	b, err := memory.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := endpoint.NewPeer(t.Context(), b, &eip.Env{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, b.(broker.RequestReply)
}

func listen(t *testing.T, p *endpoint.Peer, queue string, h eip.Handler, opts ...func(*endpoint.Listening)) {
	t.Helper()
	if err := p.Listen(t.Context(), queue, h, opts...); err != nil {
		t.Fatal(err)
	}
}

func expectCounts(t *testing.T, p *endpoint.Peer, want map[string]int64) {
	t.Helper()
	for name, n := range p.Counts() {
		if n != want[name] {
			t.Errorf("%s is %d, want %d", name, n, want[name])
		}
	}
}

func addOne(_ context.Context, i int) (int, error) { return i + 1, nil }

func TestPeer_Call(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		listen(t, p, "add", endpoint.Handle(addOne))
		listen(t, p, "silent", eip.Discard)
		listen(t, p, "broken", eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("secret of db1") }))
		listen(t, p, "panics", eip.HandlerFunc(func(context.Context, *eip.Message) error { panic("secret") }))
		listen(t, p, "refuses", endpoint.Handle(func(_ context.Context, i int) (int, error) {
			return 0, fmt.Errorf("look up: %w", &endpoint.ServiceError{Code: "no_such_number", Text: "there is no " + strconv.Itoa(i)})
		}))
		for name, test := range map[string]struct {
			queue string
			in    any
			code  string
			text  string
			is    error
			gone  bool
			after time.Duration
		}{
			"an answer":        {queue: "add", in: 4},
			"no answer":        {queue: "silent", is: endpoint.ErrNoReply, after: time.Second},
			"no service":       {queue: "nowhere", gone: true},
			"a failure":        {queue: "broken", code: endpoint.CodeFailed},
			"a panic":          {queue: "panics", code: endpoint.CodeFailed},
			"an error reply":   {queue: "refuses", in: 4, code: "no_such_number", text: "there is no 4"},
			"an invalid one":   {queue: "add", in: "four", code: endpoint.CodeInvalid},
			"what is not JSON": {queue: "add", in: make(chan int), text: "unsupported type"},
		} {
			began := time.Now()
			out, err := endpoint.Call[any, int](t.Context(), p, test.queue, test.in)
			if took := time.Since(began); took != test.after {
				t.Errorf("%s: it took %v, want %v", name, took, test.after)
			}
			if test.code == "" && test.text == "" && test.is == nil && !test.gone {
				if err != nil || out != 5 {
					t.Errorf("%s: got %d, %v", name, out, err)
				}
				continue
			}
			var s *endpoint.ServiceError
			if errors.As(err, &s) != (test.code != "") || s != nil && s.Code != test.code {
				t.Errorf("%s: got %#v, want the code %q", name, err, test.code)
			}
			if err == nil || eip.IsGone(err) != test.gone || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		expectCounts(t, p, map[string]int64{"failed": 4})
	})
}

// The request of a call expires with it, and a call heeds its context.
func TestPeer_CallsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		got := make(chan *eip.Message, 3)
		listen(t, p, "q", eip.HandlerFunc(func(_ context.Context, m *eip.Message) error { got <- m; return nil }))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := p.Call(ctx, "q", eiptest.Message("a")); !errors.Is(err, endpoint.ErrNoReply) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("over: %v", err)
		}
		if m := <-got; m.Expiration != 3*time.Second || m.Delivery != eip.Transient || m.ID != m.CorrelationID {
			t.Errorf("the request is %+v", m)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := p.Call(ctx, "q", eiptest.Message("a")); !errors.Is(err, context.Canceled) || errors.Is(err, endpoint.ErrNoReply) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// Each call gets its own reply, in whatever order they come, and what comes late, twice
// or unasked is counted exactly.
func TestPeer_ManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, b := inMemory(t)
		const calls, callers = 10_000, 64
		var late, doubled int64
		reply := func(m *eip.Message, body string) {
			if err := eip.Await(context.Background(), eip.HandlerFunc(func(ctx context.Context, r *eip.Message) error { return b.SendTo(ctx, m.ReplyTo, r) }),
				eiptest.Message(body).With(func(r *eip.Message) { r.CorrelationID = m.CorrelationID })); err != nil {
				t.Error(err)
			}
		}
		listen(t, p, "service", eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			n, err := strconv.Atoi(string(m.Body()))
			if err != nil {
				return err
			}
			after, times := time.Duration(n*7919%50)*time.Millisecond, 1
			switch n % 100 {
			case 0:
				after, late = 2*time.Second, late+1
			case 1:
				times, doubled = 2, doubled+1
			}
			time.AfterFunc(after, func() {
				for range times {
					reply(m, "reply to "+string(m.Body()))
				}
			})
			return nil
		}))
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for n := c; n < calls; n += callers {
					got, err := p.Call(t.Context(), "service", eiptest.Message(strconv.Itoa(n)))
					switch {
					case n%100 == 0 && !errors.Is(err, endpoint.ErrNoReply), n%100 != 0 && err != nil:
						t.Errorf("call %d: %v", n, err)
					case err == nil && string(got.Body()) != "reply to "+strconv.Itoa(n):
						t.Errorf("call %d got %q", n, got.Body())
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(3 * time.Second)
		reply(eip.New(nil, nil).With(func(m *eip.Message) { m.ReplyTo, m.CorrelationID = inboxOf(t, p, b), eip.NewID() }), "unasked")
		synctest.Wait()
		if late != calls/100 || doubled != calls/100 {
			t.Fatalf("the service made %d late and %d doubled", late, doubled)
		}
		expectCounts(t, p, map[string]int64{"late": late, "doubled": doubled, "unasked": 1})
	})
}

// inboxOf is the Return Address that a Peer gives.
func inboxOf(t *testing.T, p *endpoint.Peer, b broker.Broker) string {
	t.Helper()
	src, err := b.Source(t.Context(), broker.Channel{Address: "inbox.of", Declare: true, AutoDelete: true}, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := p.Send(t.Context(), "inbox.of", eiptest.Message("")); err != nil {
		t.Fatal(err)
	}
	m, err := src.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eip.Deliver(t.Context(), eip.Discard, m)
	return m.ReplyTo
}

func TestPeer_SendReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		listen(t, p, "echo", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			for range 1 + len(m.Body())%2 {
				if err := p.Reply(ctx, m, eiptest.Message(string(m.Body()))); err != nil {
					return err
				}
			}
			return nil
		}))
		var ids []string
		for _, s := range []string{"aa", "bb", "cc", "d"} { // the last one has two replies
			id, err := p.Send(t.Context(), "echo", eiptest.Message(s))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		synctest.Wait()
		for _, of := range []struct {
			ids  []endpoint.ID
			want string
		}{{[]endpoint.ID{endpoint.ID(ids[1])}, "bb"}, {nil, "aa"}, {[]endpoint.ID{"x", endpoint.ID(ids[3])}, "d"}, {nil, "cc"}} {
			if m, err := p.Receive(t.Context(), of.ids...); err != nil || string(m.Body()) != of.want {
				t.Fatalf("received %v, %v; want %q", m, err, of.want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if m, err := p.Receive(ctx, endpoint.ID(ids[0])); !errors.Is(err, endpoint.ErrNoReply) {
			t.Errorf("a second time: %v, %v", m, err)
		}
		if _, err := p.Send(t.Context(), "nowhere", eiptest.Message("a")); !eip.IsGone(err) {
			t.Errorf("to nobody: %v", err)
		}
		expectCounts(t, p, map[string]int64{"doubled": 1})
	})
}

// Of goroutines that receive, each message goes to one, and to who waits for it first.
func TestPeer_ReceiveMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := inMemory(t)
		listen(t, p, "echo", eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			return p.Reply(ctx, m, eiptest.Message(string(m.Body())))
		}))
		const each = 250
		var mu sync.Mutex
		var got []string
		note := func(m *eip.Message) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, string(m.Body()))
		}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for n := range each {
					own := g%2 == 0
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					id, err := p.Send(ctx, "echo", eiptest.Message(fmt.Sprintf("%v %d.%d", own, g, n)))
					var m *eip.Message
					if own && err == nil {
						m, err = p.Receive(ctx, endpoint.ID(id))
					} else if err == nil {
						m, err = p.Receive(ctx)
					}
					cancel()
					switch {
					case errors.Is(err, endpoint.ErrNoReply): // another one has what it waits for
					case err != nil:
						t.Error(err)
					default:
						note(m)
					}
				}
			})
		}
		wg.Wait()
		for ctx, cancel := context.WithTimeout(t.Context(), time.Second); ; {
			m, err := p.Receive(ctx)
			if err != nil {
				cancel()
				break
			}
			note(m)
		}
		slices.Sort(got)
		if n := len(slices.Compact(slices.Clone(got))); len(got) != 8*each || n != len(got) {
			t.Errorf("%d were received, %d of them different, want %d", len(got), n, 8*each)
		}
		expectCounts(t, p, nil)
	})
}

// away is a broker of which an inbox is waited for.
type away struct{ broker.RequestReply }

func (away) Inbox(ctx context.Context, _ string) (eip.Inbox, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (away) Calls(context.Context, broker.Outcomes) (broker.Calls, error) { return noCalls{}, nil }

type noCalls struct{}

func (noCalls) Call(context.Context, string, *eip.Message) error { return nil }
func (noCalls) Close() error                                     { return nil }

// Who waits for the inbox that another one opens waits no longer than he wants to, and Close
// does not wait for it.
func TestPeer_WaitsForItsInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := endpoint.NewPeer(t.Context(), away{}, &eip.Env{})
		if err != nil {
			t.Fatal(err)
		}
		opens := make(chan error, 1)
		go func() {
			_, err := p.Send(t.Context(), "q", eip.New(nil, nil))
			opens <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		waits := make(chan error, 1)
		go func() {
			_, err := p.Send(ctx, "q", eip.New(nil, nil))
			waits <- err
		}()
		time.Sleep(time.Minute)
		select {
		case err := <-waits:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it waited in vain: %v", err)
			}
		default:
			t.Error("it waits on")
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-opens; !errors.Is(err, eip.ErrClosed) {
			t.Errorf("it was closed meanwhile: %v", err)
		}
	})
}
