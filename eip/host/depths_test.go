package host_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
)

// What waits is told of all that flows read and send to, and of where what failed
// goes, by the names of the files; of brokers that can tell.
func TestProcess_Depths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := start(t.Context(), load(t, `
broker "a" { url = "memory:" }
broker "b" { url = "memory:" }
broker "silent" { url = "hindering:" }
queue "in" {
  broker  = broker.a
  address = "input"
}
queue "out" {
  broker      = broker.b
  dead_letter = queue.late
}
queue "late" { broker = broker.b }
queue "refused" { broker = broker.b }
queue "quiet" { broker = broker.silent }
topic "news" { broker = broker.a }

flow "mail" {
  from = [queue.in, topic.news]
  send { to = topic.news }
  to = [queue.out, queue.quiet]
}
flow "post" {
  from         = topic.news
  subscription = "letters"
  dead_letter  = queue.refused
  to           = queue.out
}
flow "own" {
  from        = topic.news
  shared      = false
  dead_letter = queue.refused
  to          = queue.out
}
`), host.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		for _, f := range p.Flows() {
			if err := f.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			inject(t, p, "queue.in")
		}
		inject(t, p, "queue.late")
		inject(t, p, "topic.news")
		time.Sleep(time.Minute)
		want := []control.Depth{{Channel: "queue.in", Messages: 3, Oldest: 60}, {Channel: "queue.late", Messages: 1, Oldest: 60}, {Channel: "queue.mail.dead"}, {Channel: "queue.out"},
			{Channel: "queue.refused"}, {Channel: "topic.news", Subscription: "letters", Messages: 1, Oldest: 60},
			{Channel: "topic.news", Subscription: "mail", Messages: 1, Oldest: 60}, {Channel: "topic.news", Subscription: "own", Messages: 1, Oldest: 60}}
		if got := p.Depths(); !slices.Equal(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	})
}

// asking is memory:, but takes its time to tell what waits.
var asking struct {
	sync.Mutex
	times int
	takes time.Duration
}

type askedBroker struct{ broker.Broker }

func (b askedBroker) Depths(ctx context.Context, of []broker.Item) map[int]broker.Depth {
	asking.Lock()
	asking.times++
	n, takes := asking.times, asking.takes
	asking.Unlock()
	select {
	case <-time.After(takes):
		return map[int]broker.Depth{0: {Messages: n}}
	case <-ctx.Done():
		return nil
	}
}

func init() {
	broker.Registry.Add("asking", func() broker.Transport {
		t := topicless(nil)
		open := t.Open
		t.Open = func(ctx context.Context, c broker.Config) (broker.Broker, error) {
			b, err := open(ctx, c)
			return askedBroker{b.(topiclessBroker).RequestReply}, err
		}
		return t
	})
}

// However many ask, a broker is asked once in five seconds; one that is slow keeps
// nobody for more than one, and what is told is never old.
func TestProcess_DepthsAreAskedForSeldom(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		looks []time.Duration // when somebody asks
		want  []int           // of which time he is told; 0: of none
		times int
	}{
		"at once":     {0, []time.Duration{0, time.Second, 4 * time.Second, 6 * time.Second, time.Hour}, []int{1, 1, 1, 2, 3}, 3},
		"a moment":    {500 * time.Millisecond, []time.Duration{0, time.Second, 7 * time.Second}, []int{1, 1, 2}, 2},
		"long":        {4 * time.Second, []time.Duration{0, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second}, []int{0, 0, 1, 1, 2}, 2},
		"no answer":   {time.Hour, []time.Duration{0, 10 * time.Second, 20 * time.Second, 40 * time.Second}, []int{0, 0, 0, 0}, 2},
		"asked again": {4 * time.Second, []time.Duration{0, 5 * time.Second, time.Hour}, []int{0, 1, 0}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asking.Lock()
				asking.times, asking.takes = 0, test.takes
				asking.Unlock()
				p, err := start(t.Context(), load(t, `
broker "b" { url = "asking:" }
queue "in" { broker = broker.b }
flow "f" {
  from = queue.in
  discard {}
}
`), host.Options{})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				for i, at := range test.looks {
					time.Sleep(time.Until(began.Add(at)))
					var all sync.WaitGroup
					for range 10 {
						all.Go(func() {
							asked := time.Now()
							got := 0
							for _, d := range p.Depths() {
								got = d.Messages
							}
							if got != test.want[i] || time.Since(asked) > time.Second {
								t.Errorf("after %v: %d, after %v more; want %d", at, got, time.Since(asked), test.want[i])
							}
						})
					}
					all.Wait()
				}
				asking.Lock()
				if asking.times != test.times {
					t.Errorf("the broker was asked %d times, want %d", asking.times, test.times)
				}
				asking.Unlock()
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
