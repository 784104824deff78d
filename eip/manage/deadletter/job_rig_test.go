package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
	memorystore "github.com/eipd/eipd/eip/store/memory"
)

// bench is a process with flows that a test stands for, within a bubble of time.
type bench struct {
	t     *testing.T
	jobs  *deadletter.Jobs
	on    broker.Broker
	kept  store.Store
	flows []*flow
}

// within runs a test on a bench.
func within(t *testing.T, test func(t *testing.T, b *bench, f *flow)) {
	synctest.Test(t, func(t *testing.T) {
		on, err := memory.Open(broker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, on: on, kept: memorystore.New()}
		f := b.flow("orders", "queue.bills")
		b.start()
		test(t, b, f)
		b.jobs.Close()
		if err := on.Close(); err != nil {
			t.Error(err)
		}
	})
}

// start begins the process, once more where there was one.
func (b *bench) start() {
	b.jobs = deadletter.NewJobs(deadletter.JobOptions{
		Flows: func() (all []deadletter.Flow) {
			for _, f := range b.flows {
				all = append(all, f)
			}
			return all
		},
		Store:    func(context.Context) (store.Store, error) { return b.kept, nil },
		Instance: "test",
	})
}

// flow is a flow whose stages the test is.
type flow struct {
	b        *bench
	name     string
	from, to []string
	queue    broker.Channel

	mu     sync.Mutex
	does   func(*eip.Message) error // nil: all pass
	hangs  chan struct{}            // until it is closed, nothing settles; nil: it settles at once
	came   []*eip.Message
	times  []time.Time
	failed int64
	idle   error
}

func (b *bench) flow(name string, to ...string) *flow {
	f := &flow{b: b, name: name, from: []string{"queue." + name}, to: to, queue: broker.Channel{Address: name + ".dead", Declare: true}}
	b.flows = append(b.flows, f)
	return f
}

func (f *flow) Name() string         { return f.name }
func (f *flow) Makes(at string) bool { return at == f.name+".split" }
func (f *flow) From() []string       { return f.from }
func (f *flow) To() []string         { return f.to }
func (f *flow) Ready() error         { f.mu.Lock(); defer f.mu.Unlock(); return f.idle }
func (f *flow) Counts() (business, tests stats.Counts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return stats.Counts{Failed: f.failed}, stats.Counts{}
}

func (f *flow) DeadLetters(context.Context, bool) (deadletter.Queue, error) {
	return deadletter.Queue{Name: "queue." + f.queue.Address, On: f.b.on, Channel: f.queue, Limit: -1}, nil
}

func (f *flow) Replay(m *eip.Message, failed func(error)) error {
	f.mu.Lock()
	f.came, f.times = append(f.came, m), append(f.times, time.Now())
	does, hangs := f.does, f.hangs
	f.mu.Unlock()
	pass := func() {
		eip.Deliver(context.Background(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			if does == nil {
				return nil
			}
			err := does(m)
			if errors.Is(err, eip.ErrNotRunning) || err == nil {
				return err
			}
			failed(err)
			return f.send(f.dead(m, err.Error()))
		}), m)
	}
	if hangs == nil {
		pass()
		return nil
	}
	go func() {
		<-hangs
		pass()
	}()
	return nil
}

// dead makes a dead letter of a message.
func (f *flow) dead(m *eip.Message, why string) *eip.Message {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return m.WithHeaders(eip.Headers{header.Flow: f.name, header.Failed: now, header.FirstFailed: now, header.Error: why, header.Reason: "failed", header.Stage: f.name + ".charge"})
}

func (f *flow) send(m *eip.Message) error {
	s, err := f.b.on.Sender(context.Background(), f.queue)
	if err != nil {
		return err
	}
	return errors.Join(eip.Await(context.Background(), s, m), s.Close())
}

// letters puts dead letters into the flow's queue.
func (f *flow) letters(bodies ...string) {
	f.b.t.Helper()
	for _, body := range bodies {
		if err := f.send(f.dead(eip.New([]byte(body), nil), "no connection to port 5432")); err != nil {
			f.b.t.Fatal(err)
		}
	}
	time.Sleep(time.Second) // they failed before what comes next
}

func numbered(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// waiting are the bodies in the flow's queue of dead letters, in its order.
func (f *flow) waiting() (bodies []string) {
	f.b.t.Helper()
	src, err := f.b.on.Source(context.Background(), f.queue, broker.Subscription{Prefetch: 100_000})
	if err != nil {
		f.b.t.Fatal(err)
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		m, err := src.Receive(ctx)
		cancel()
		if err != nil {
			break
		}
		bodies = append(bodies, string(m.Body()))
	}
	if err := src.Close(); err != nil {
		f.b.t.Error(err)
	}
	return bodies
}

func (f *flow) bodies() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.came {
		all = append(all, string(m.Body()))
	}
	return all
}

func (f *flow) do(does func(*eip.Message) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.does = does
}

func (b *bench) replay(s deadletter.Selection, p deadletter.Plan) deadletter.Job {
	b.t.Helper()
	j, err := b.jobs.Replay(context.Background(), s, p, "me")
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// rests waits until a job does not run.
func (b *bench) rests(id string) (last deadletter.Job) {
	b.t.Helper()
	err := b.jobs.Follow(context.Background(), id, func(j deadletter.Job) bool {
		last = j
		return true
	})
	if err != nil {
		b.t.Fatal(err)
	}
	m := last.Messages
	if sum := m.Pending + m.Begun + m.Passed + m.FailedAgain + m.Gone + m.Unknown; sum != last.Total {
		b.t.Errorf("%+v does not add up to %d", m, last.Total)
	}
	return last
}

func (b *bench) is(j deadletter.Job, state deadletter.State, why string, m deadletter.Progress) {
	b.t.Helper()
	if j.State != state || !strings.Contains(j.Why, why) || j.Messages != m {
		b.t.Errorf("job %s is %s (%s): %+v, want %s (…%s…): %+v", j.ID, j.State, j.Why, j.Messages, state, why, m)
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
