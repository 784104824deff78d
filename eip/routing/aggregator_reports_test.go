package routing_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store/memory"
)

// What others' aggregators got wrong, as users reported it.

// A message in the groups of two stages, whose keys are equal and whose store is one, is in
// both, and one is not closed by the other's time-out (spring-integration#8732, #2213).
func TestAggregator_TwoOfOneStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		stage := func(timeout time.Duration) *routing.Aggregator {
			return aggregatorIn(t, s, func(a *routing.Aggregator) { a.Timeout.Set(timeout) })
		}
		both := [2]*routing.Aggregator{stage(time.Second), stage(3 * time.Second)}
		var in list
		var came []string
		began := time.Now()
		f := &eip.Flow{Name: "f", Stages: []eip.Stage{
			&eip.Named{Address: "f.copy", Stage: &split{bodies: []*eip.Pipe{
				{Stages: []eip.Stage{&eip.Named{Address: "f.short", Stage: both[0]}}, To: sink(&came, began, "short")},
				{Stages: []eip.Stage{&eip.Named{Address: "f.long", Stage: both[1]}}, To: sink(&came, began, "long")}}}}}}
		in = parts("a", "1", "2")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		f.Source = &staying{&in}
		go func() { done <- f.Run(ctx) }()
		time.Sleep(10 * time.Second)
		stop()
		<-done
		if got, want := strings.Join(came, "; "), "1s short [1,2]; 3s long [1,2]"; got != want {
			t.Errorf("came %s, want %s", got, want)
		}
	})
}

// staying is a list whose end does not come.
type staying struct{ *list }

func (s *staying) Receive(ctx context.Context) (*eip.Message, error) {
	if len(*s.list) > 0 {
		return s.list.Receive(ctx)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func sink(came *[]string, began time.Time, name string) eip.Handler {
	return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		*came = append(*came, fmt.Sprintf("%v %s %s", time.Since(began), name, m.Body()))
		return nil
	})
}

// split gives each message to all of its bodies.
type split struct{ bodies []*eip.Pipe }

func (s *split) Nested() []*eip.Pipe { return s.bodies }
func (s *split) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	for _, b := range s.bodies {
		if err := b.Process(ctx, m, next); err != nil {
			return err
		}
	}
	return nil
}

// Windows are of arrival: that messages say they are a year old changes nothing
// (connect#1581).
func TestAggregator_OldTimestamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := aggregator(t, func(a *routing.Aggregator) { a.Timeout.Set(0); a.Every = time.Minute })
		g := gather(t, a)
		for _, m := range parts("a", "1", "2", "3") {
			g.send(m.With(func(m *eip.Message) { m.Timestamp = time.Now().AddDate(-1, 0, 0) }))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		g.end(true)
		if got := g.bodies("out"); got != "[1,2,3] every" {
			t.Errorf("came %q", got)
		}
	})
}

// Keys without end do not fill the store (siddhi#1696).
func TestAggregator_KeysWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		a := aggregatorIn(t, s, func(a *routing.Aggregator) {
			a.MaxGroups.Set(50)
			a.Full, a.Remember = "oldest", 0
		})
		g := gather(t, a)
		for i := range 5000 {
			g.send(parts(fmt.Sprint("k", i), "1")...)
		}
		if n := a.Stats().Counts["groups"]; n != 50 {
			t.Errorf("%d groups are open", n)
		}
		if got := left(t, s); got != `{"g":50,"i":50,"n":1,"o":50,"p":50}` {
			t.Errorf("there is %s", got)
		}
		g.end(true)
	})
}

// A time-out at the moment of the last part releases the group once, whatever the order of
// things is (camel#24822).
func TestAggregator_TimeoutWhileItWorks(t *testing.T) {
	for delay := 0 * time.Millisecond; delay < 20*time.Millisecond; delay += time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			a := aggregator(t, func(a *routing.Aggregator) {
				a.Timeout.Set(10 * time.Millisecond)
				see(t, &a.Body, "group.count")
			})
			a.Size.Set(3)
			g := gather(t, a)
			g.send(parts("a", "1", "2")...)
			time.Sleep(delay)
			g.send(parts("a", "3")...)
			time.Sleep(time.Second)
			g.end(true)
			if got := g.bodies("out"); got != "3 size" && got != "2 timeout | 1 timeout" {
				t.Errorf("after %v: %s", delay, got)
			}
		})
	}
}

// Two aggregators that feed each other hold no lock while they send (INT-4549).
func TestAggregator_Circle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		pair := func() *routing.Aggregator {
			return aggregatorIn(t, s, func(a *routing.Aggregator) { a.Size.Set(2) })
		}
		var flows [2]*eip.Flow
		var ends atomic.Int64
		queues := [2]chan *eip.Message{make(chan *eip.Message, 1000), make(chan *eip.Message, 1000)}
		for i := range 640 { // before any pair comes back, which must not meet a single one
			queues[0] <- eip.New([]byte("7"), nil).WithHeader("key", "k").With(func(m *eip.Message) { m.ID = fmt.Sprint(i) })
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		for i := range flows {
			flows[i] = &eip.Flow{Name: fmt.Sprint("f", i), Source: queue(queues[i]), Stages: []eip.Stage{&eip.Named{Address: fmt.Sprint("f", i, ".pair"), Stage: pair()}},
				To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
					if strings.Count(string(m.Body()), "7") == 64 {
						ends.Add(1)
						return nil
					}
					next := m.Fork(m.Hold())
					queues[1-i] <- next
					return nil
				})}
			go func() { done <- flows[i].Run(ctx) }()
		}
		time.Sleep(time.Minute)
		stop()
		for range flows {
			<-done
		}
		if ends.Load() != 10 {
			t.Errorf("%d groups of 64 came, want 10", ends.Load())
		}
	})
}

type queue chan *eip.Message

func (q queue) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m := <-q:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
