package endpoint_test

import (
	"context"
	"errors"
	"fmt"
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

// short is a broker with a short way for calls, on which the test does what happens.
type short struct {
	broker.RequestReply
	to   broker.Outcomes
	call func(address string, m *eip.Message) error
}

func (s *short) Calls(_ context.Context, to broker.Outcomes) (broker.Calls, error) {
	s.to = to
	return shortCalls{s}, nil
}

type shortCalls struct{ *short }

func (c shortCalls) Call(_ context.Context, address string, m *eip.Message) error {
	return c.call(address, m)
}
func (c shortCalls) Close() error { return nil }

// echo replies at once.
func (s *short) echo(_ string, m *eip.Message) error {
	reply := eip.NewFor(m.Body(), nil)
	reply.CorrelationID = m.CorrelationID
	s.to.Replied(reply)
	return nil
}

func overShort(t testing.TB) (*endpoint.Peer, *short) {
	t.Helper()
	b, err := memory.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &short{RequestReply: b.(broker.RequestReply)}
	s.call = s.echo
	p, err := endpoint.NewPeer(context.Background(), s, &eip.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, s
}

// Who calls is told what becomes of the request, each of its own.
func TestPeer_Outcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := overShort(t)
		errAway, errLarge := fmt.Errorf("%w: network is down", broker.ErrLost), errors.New("too large")
		outcome := make(chan error, 1)
		call := func() {
			go func() {
				_, err := p.Call(t.Context(), "q", eiptest.Message("a"))
				outcome <- err
			}()
			synctest.Wait()
		}
		var id string
		s.call = func(_ string, m *eip.Message) error { id = m.CorrelationID; return nil }
		call()
		s.to.Returned("another's", eip.Gone(errLarge))
		s.to.Returned(id, eip.Gone(errLarge))
		if err := <-outcome; !eip.IsGone(err) || !errors.Is(err, errLarge) {
			t.Errorf("returned: %v", err)
		}
		call()
		s.to.Lost(errAway)
		if err := <-outcome; !errors.Is(err, endpoint.ErrLost) || !errors.Is(err, errAway) {
			t.Errorf("lost: %v", err)
		}
		s.call = func(string, *eip.Message) error { return errLarge }
		call()
		if err := <-outcome; !errors.Is(err, errLarge) {
			t.Errorf("refused: %v", err)
		}
		s.call = func(string, *eip.Message) error { time.Sleep(2 * time.Second); return errLarge }
		call()
		if err := <-outcome; !errors.Is(err, endpoint.ErrNoReply) || !errors.Is(err, errLarge) {
			t.Errorf("away: %v", err)
		}
		s.call = s.echo
		call()
		if err := <-outcome; err != nil {
			t.Errorf("afterwards: %v", err)
		}
		expectCounts(t, p, nil)
	})
}

// Of two services that one Peer asks, none can answer for the other: it would have to
// guess an identifier.
func TestPeer_Identifiers(t *testing.T) {
	p, s := overShort(t)
	seen := map[string]bool{}
	var mu sync.Mutex
	s.call = func(a string, m *eip.Message) error {
		mu.Lock()
		seen[m.CorrelationID] = true
		mu.Unlock()
		return s.echo(a, m)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if _, err := p.Call(t.Context(), "q", eiptest.Message("a")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(seen) != 800 {
		t.Errorf("of 800 identifiers %d differ", len(seen))
	}
	near := ""
	for id := range seen {
		near = id
		break
	}
	for i := range near { // one digit is another one
		guess := []byte(near)
		guess[i] = "123456789abcdef0"[max(0, int(guess[i]-'0'))%16]
		if seen[string(guess)] {
			continue
		}
		reply := eip.NewFor(nil, nil)
		reply.CorrelationID = string(guess)
		s.to.Replied(reply)
	}
	for _, id := range []string{"", "x", fmt.Sprintf("%032d", 1), near + near} {
		reply := eip.NewFor(nil, nil)
		reply.CorrelationID = id
		s.to.Replied(reply)
	}
	if c := p.Counts(); c["unasked"] < 30 || c["late"]+c["doubled"]+c["dropped"] > 0 {
		t.Errorf("guessed replies are counted as %v", c)
	}
}

func BenchmarkPeer_Call(b *testing.B) {
	p, _ := overShort(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	body := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Call(ctx, "q", eip.New(body, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
