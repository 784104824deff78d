package deadletter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

// A Flow is one through which its dead letters pass once more. Its methods are safe for
// concurrent use.
type Flow interface {
	Name() string
	// Ready says why the flow takes nothing; nil: it runs.
	Ready() error
	// Makes reports whether a stage of that address is in the flow.
	Makes(stage string) bool
	// From and To are the channels and adapters that it reads and sends to.
	From() []string
	To() []string
	Counts() (business, tests stats.Counts)
	// DeadLetters is the queue for its dead letters, or for its invalid messages.
	DeadLetters(ctx context.Context, invalid bool) (Queue, error)
	// Replay is [eip.Flow.Replay].
	Replay(m *eip.Message, failed func(error)) error
}

// JobOptions are what Jobs are made of.
type JobOptions struct {
	// Flows returns the flows of the process.
	Flows func() []Flow
	// Store returns where jobs are kept, or why they cannot be.
	Store func(context.Context) (store.Store, error)
	// Read reads a message as a dead letter, as others may see it.
	Read     func(*eip.Message) Letter
	Instance string
	Clock    eip.Clock
	Log      *slog.Logger
}

// Bounds of what a process keeps.
const (
	mostEnded = 100 // jobs that are over
	mostOpen  = 20  // jobs that are not
)

// Jobs are the replays of a process. They are safe for concurrent use.
type Jobs struct {
	JobOptions
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.WaitGroup

	loading sync.Mutex // held by who opens the ledger
	ledger  *ledger    // nil: it is not open

	mu     sync.Mutex
	all    []*job // the oldest first
	claims map[place]string
	near   map[place]bool // a further look would cost messages
}

// NewJobs returns those of a process, until Close. Those of an earlier run are there, and
// are paused.
func NewJobs(o JobOptions) *Jobs {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Read == nil {
		o.Read = Read
	}
	w := &Jobs{JobOptions: o, claims: map[place]string{}, near: map[place]bool{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Close has all that run pause.
func (w *Jobs) Close() {
	w.cancel()
	w.busy.Wait()
}

// ErrNoJob is why nothing can be done with a job.
var ErrNoJob = errors.New("there is no such job")

// load opens the ledger. What an earlier process has left is paused.
func (w *Jobs) load(ctx context.Context) error {
	w.loading.Lock()
	defer w.loading.Unlock()
	if w.ledger != nil {
		return nil
	}
	s, err := w.Store(ctx)
	if err != nil {
		return fmt.Errorf("open where jobs are kept: %w", err)
	}
	space, err := s.Space(Space)
	if err != nil {
		return err
	}
	l := &ledger{space}
	all, err := l.load()
	if err != nil {
		return err
	}
	for _, j := range all {
		j.of, j.changed = w, make(chan struct{})
		if j.State.Ended() {
			continue
		}
		was := j.State
		switch {
		case was == Draft || len(j.records.all) < j.Total:
			j.State, j.Why, j.Job.Ended = Cancelled, "the process ended before the job began", w.Clock.Now().UTC()
		case was != Paused:
			j.State, j.Why = Paused, "process restarted"
		}
		if err := l.save(j.Job); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all, w.ledger = all, l
	return nil
}

// Claim has nobody else take letters from a queue, here or, where the broker can tell, in
// another process, until release is called. It returns the queue to take them from. who
// is told to others who would.
func (w *Jobs) Claim(ctx context.Context, q Queue, who string) (_ Queue, release func(), err error) {
	w.mu.Lock()
	has, taken := w.claims[q.place()]
	if !taken {
		w.claims[q.place()] = who
	}
	w.mu.Unlock()
	if taken {
		return q, nil, fmt.Errorf("%w: %s does so", errClaimed, has)
	}
	leave := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.claims, q.place())
	}
	end, err := q.claim(ctx)
	if err != nil {
		leave()
		return q, nil, err
	}
	return q, func() {
		if err := end(); err != nil {
			w.Log.Warn("the claim on a queue of dead letters was not given up well", "queue", q.String(), "error", err)
		}
		leave()
	}, nil
}

// List returns the jobs, the newest first, without the ids of single letters.
func (w *Jobs) List(ctx context.Context) ([]Job, error) {
	if err := w.load(ctx); err != nil {
		return nil, err
	}
	w.mu.Lock()
	all := slices.Clone(w.all)
	w.mu.Unlock()
	slices.Reverse(all)
	list := make([]Job, len(all))
	for i, j := range all {
		list[i] = j.view()
		list[i].MaybeTwice, list[i].Unknown, list[i].Failures = []string{}, nil, nil
	}
	return list, nil
}

func (w *Jobs) find(ctx context.Context, id string) (*job, error) {
	if err := w.load(ctx); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.all {
		if j.ID == id {
			return j, nil
		}
	}
	return nil, fmt.Errorf("%w: %.40q", ErrNoJob, id)
}

// Get returns a job.
func (w *Jobs) Get(ctx context.Context, id string) (Job, error) {
	j, err := w.find(ctx, id)
	if err != nil {
		return Job{}, err
	}
	return j.view(), nil
}

// Follow yields a job now, and whenever it has changed, but no more often than five times
// a second. It ends when the job does not run any more, or with ctx.
func (w *Jobs) Follow(ctx context.Context, id string, yield func(Job) bool) error {
	j, err := w.find(ctx, id)
	if err != nil {
		return err
	}
	for {
		now, changed := j.look()
		if !yield(now) || now.State != Running {
			return nil
		}
		soon, t := w.Clock.NewTimer(200 * time.Millisecond)
		select {
		case <-soon:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *Jobs) flow(name string) (Flow, error) {
	for _, f := range w.Flows() {
		if f.Name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("there is no flow %.100q", name)
}

// downstream are the flows that can be reached from one, by what they send to and read.
func (w *Jobs) downstream(f Flow) (names []string) {
	all, todo := w.Flows(), []Flow{f}
	names = []string{}
	for len(todo) > 0 {
		from := todo[0]
		todo = todo[1:]
		for _, next := range all {
			reads := func(to string) bool { return slices.Contains(next.From(), to) }
			if next.Name() != f.Name() && !slices.Contains(names, next.Name()) && slices.ContainsFunc(from.To(), reads) {
				names, todo = append(names, next.Name()), append(todo, next)
			}
		}
	}
	return names
}
