package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func onceIn(s store.Store) *endpoint.IdempotentReceiver {
	r := endpoint.NewIdempotentReceiver()
	r.Store = store.In(s)
	return r
}

// identified are messages whose bodies are numbered, with the given Message IDs.
func identified(ids ...string) (all []*eip.Message) {
	for i, id := range ids {
		all = append(all, eip.New(fmt.Appendf(nil, "%s%d", id, i+1), nil).With(func(m *eip.Message) { m.ID = id }))
	}
	return all
}

func onceFlow(r *endpoint.IdempotentReceiver, to eip.Handler, in ...*eip.Message) *eip.Flow {
	return &eip.Flow{Name: "f", Source: eiptest.NewSource(in...), Stages: []eip.Stage{&eip.Named{Address: "f.once", Stage: r}}, To: to, DeadLetter: eip.Discard, Concurrency: 1}
}

func runFlow(t *testing.T, f *eip.Flow) {
	t.Helper()
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Source.(*eiptest.Source).Check(t)
	c, _ := f.Counts()
	if c.Received+c.Made != c.Sent+c.Dropped+c.Absorbed+c.Failed || c.InFlight != 0 {
		t.Errorf("the counts do not add up: %+v", c)
	}
}

func TestIdempotentReceiver_Contract(t *testing.T) {
	for name, c := range map[string]eiptest.StageCase{
		"new": {New: func(eip.Handler) eip.Stage { return onceIn(memory.New()) }, Inputs: identified("a")},
		"without a key": {New: func(eip.Handler) eip.Stage {
			r := onceIn(memory.New())
			r.Missing = endpoint.MissingPasses
			return r
		}},
		"without a key, invalid": {New: func(eip.Handler) eip.Stage { return onceIn(memory.New()) }, Outcome: eiptest.Rejects},
		"fails": {New: func(eip.Handler) eip.Stage {
			r := onceIn(memory.New())
			r.Key = func(context.Context, *eip.Message) (any, error) {
				return nil, eip.Invalid(errors.New("no such member"))
			}
			return r
		}, Outcome: eiptest.Rejects},
		"duplicates go aside": {New: func(to eip.Handler) eip.Stage {
			r := onceIn(memory.New())
			r.DuplicateTo = to
			return r
		}, Inputs: identified("a")},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestIdempotentReceiver_Validate(t *testing.T) {
	forgetful, none := endpoint.NewIdempotentReceiver(), endpoint.NewIdempotentReceiver()
	forgetful.Remember.Set(-1)
	none.MaxKeys = 0
	for option, r := range map[string]*endpoint.IdempotentReceiver{"remember": forgetful, "max_keys": none, "": endpoint.NewIdempotentReceiver()} {
		var o *eip.OptionError
		if err := r.Validate(); errors.As(err, &o) != (option != "") || o != nil && o.Option != option {
			t.Errorf("%q: %v", option, err)
		}
	}
}

// What is the same, and what is not.
func TestIdempotentReceiver_Keys(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, c := range map[string]struct {
		a, b any
		same bool
	}{
		"texts":          {"a", "a", true},
		"other texts":    {"a", "b", false},
		"numbers":        {7, 7.0, true},
		"lists":          {[]any{1, "x"}, []any{1, "x"}, true},
		"other lists":    {[]any{1, "x"}, []any{"x", 1}, false},
		"bytes and text": {[]byte("a"), "a", true},
		"long":           {long, long, true},
		"long, at end":   {long + "a", long + "b", false},
		"a sum of one":   {long, "#" + long[:10], false},
		"an empty byte":  {"\x00", "\x00\x00", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := onceIn(memory.New())
			n := 0
			r.Key = func(context.Context, *eip.Message) (any, error) {
				n++
				return []any{c.a, c.b}[n-1], nil
			}
			var to eiptest.Recorder
			runFlow(t, onceFlow(r, &to, eiptest.Message("1"), eiptest.Message("2")))
			if got := len(to.Messages()); got != map[bool]int{true: 1, false: 2}[c.same] {
				t.Errorf("%d passed", got)
			}
		})
	}
}

// paced is a sink that takes its time, and fails with a message's first attempts.
type paced struct {
	mu    sync.Mutex
	fails map[string]error // by body
	takes time.Duration
	holds bool // it returns at once, and releases later
	took  []string
}

func (p *paced) Handle(ctx context.Context, m *eip.Message) error {
	end := func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err := p.fails[string(m.Body())]; err != nil {
			return err
		}
		p.took = append(p.took, string(m.Body()))
		return nil
	}
	if p.holds {
		release := m.Hold()
		time.AfterFunc(p.takes, func() { release(end()) })
		return nil
	}
	time.Sleep(p.takes)
	return end()
}

// Copies that come while the first is under way wait, and take its place where it fails
// for good (numaflow#3429).
func TestIdempotentReceiver_CopiesUnderWay(t *testing.T) {
	busy, gone := errors.New("busy"), eip.Permanent(errors.New("gone"))
	for name, c := range map[string]struct {
		ids                    string
		fails                  map[string]error
		took                   string
		fresh, doubled, waited int64
	}{
		"two":                   {"a a", nil, "[a1]", 1, 1, 1},
		"two of each":           {"a b a b", nil, "[a1 b2]", 2, 2, 2},
		"many":                  {"a a a a a a a", nil, "[a1]", 1, 6, 6},
		"the first is gone":     {"a a", map[string]error{"a1": gone}, "[a2]", 2, 0, 1},
		"the first stays busy":  {"a a a", map[string]error{"a1": busy}, "[a2]", 2, 1, 2},
		"the first two are":     {"a a a a", map[string]error{"a1": busy, "a2": gone}, "[a3]", 3, 1, 3},
		"all fail":              {"a a a", map[string]error{"a1": gone, "a2": busy, "a3": gone}, "[]", 3, 0, 2},
		"others are not waited": {"a b c", map[string]error{"a1": gone}, "[b2 c3]", 3, 0, 0},
	} {
		for _, lanes := range []int{1, 4} {
			for _, holds := range []bool{true, false} {
				for _, ordered := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, %d lanes, holds %v, ordered %v", name, lanes, holds, ordered), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							r := onceIn(memory.New())
							sink := &paced{fails: c.fails, takes: time.Second, holds: holds}
							f := onceFlow(r, sink, identified(strings.Fields(c.ids)...)...)
							f.Concurrency, f.Retry.Ordered = lanes, ordered
							if lanes > 1 { // so that the order is certain
								f.Source = &slowly{f.Source}
							}
							if err := f.Run(t.Context()); err != nil {
								t.Fatal(err)
							}
							slices.Sort(sink.took)
							own := r.Stats().Counts
							if fmt.Sprint(sink.took) != c.took || own["new"] != c.fresh || own["duplicates"] != c.doubled {
								t.Errorf("the sink took %v, and the counts are %v", sink.took, own)
							}
							// Where one lane waits for each, none comes while another is under way.
							if most := c.waited; own["waited"] > most || holds && !ordered && own["waited"] < most {
								t.Errorf("%d waited, want %d", own["waited"], most)
							}
							n, _ := f.Counts()
							if n.InFlight != 0 || int(n.Sent) != len(sink.took) || n.Sent+n.Dropped+n.Failed != n.Received {
								t.Errorf("counts %+v", n)
							}
						})
					})
				}
			}
		}
	}
}

// slowly gives its messages a moment apart.
type slowly struct{ eip.Source }

func (s *slowly) Receive(ctx context.Context) (*eip.Message, error) {
	time.Sleep(time.Millisecond)
	return s.Source.Receive(ctx)
}

// However copies come and fail, one of each passes, unless all of them fail.
func TestIdempotentReceiver_RandomCopies(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 4))
			var in []*eip.Message
			for range 300 {
				in = append(in, identified(fmt.Sprint("k", random.IntN(40)))...)
			}
			var mu sync.Mutex
			took, tried := map[string]int{}, map[string]int{}
			f := onceFlow(onceIn(memory.New()), eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				mu.Lock()
				defer mu.Unlock()
				tried[m.ID]++
				var err error
				switch random.IntN(6) {
				case 0:
					err = errors.New("busy")
				case 1:
					err = eip.Permanent(errors.New("gone"))
				}
				release := m.Hold()
				time.AfterFunc(time.Duration(random.IntN(300))*time.Millisecond, func() {
					if err == nil {
						mu.Lock()
						took[m.ID]++
						mu.Unlock()
					}
					release(err)
				})
				return nil
			}), in...)
			f.Concurrency = 1 + random.IntN(5)
			runFlow(t, f)
			c, _ := f.Counts()
			for id := range tried {
				if took[id] > 1 {
					t.Errorf("seed %d: %s passed %d times", seed, id, took[id])
				}
			}
			if int(c.Sent) != len(took) {
				t.Errorf("seed %d: %d were sent, of %d keys", seed, c.Sent, len(took))
			}
		})
	}
}

// A key is remembered once its message is done, also over a restart, and for its time.
func TestIdempotentReceiver_Remembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		var to eiptest.Recorder
		run := func(dead bool, ids ...string) *endpoint.IdempotentReceiver {
			r := onceIn(s)
			sink := eip.Handler(&to)
			if dead {
				sink = eip.HandlerFunc(func(context.Context, *eip.Message) error { return eip.Permanent(errors.New("gone")) })
			}
			runFlow(t, onceFlow(r, sink, identified(ids...)...))
			return r
		}
		run(true, "a")
		run(false, "a", "b", "a")
		time.Sleep(24*time.Hour - time.Second)
		run(false, "b", "a")
		if got := fmt.Sprint(to.Bodies()); got != "[a1 b2]" {
			t.Errorf("within the time %s passed", got)
		}
		time.Sleep(time.Second)
		run(false, "c", "b", "a")
		if got := fmt.Sprint(to.Bodies()); got != "[a1 b2 c1 b2 a3]" {
			t.Errorf("after the time %s passed", got)
		}
	})
}

// What was remembered long enough is removed while the flow runs, however much it is.
func TestIdempotentReceiver_Forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2500
		r := onceIn(memory.New())
		r.Remember.Set(time.Hour)
		source := make(chan *eip.Message)
		f := onceFlow(r, eip.Discard)
		f.Source = feed(source)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		for i := range n {
			source <- identified(fmt.Sprint(i))[0]
		}
		synctest.Wait()
		if got := r.Stats().Counts["keys"]; got != n {
			t.Errorf("%d keys are remembered, want %d", got, n)
		}
		time.Sleep(time.Hour + 2*time.Minute)
		if got := r.Stats().Counts["keys"]; got != 0 {
			t.Errorf("%d keys are left", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

type feed chan *eip.Message

func (f feed) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m := <-f:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestIdempotentReceiver_MaxKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := onceIn(memory.New())
		r.MaxKeys = 2
		var to eiptest.Recorder
		in := identified("a", "b", "t", "c", "a", "c", "b")
		in[2] = in[2].WithHeader(header.Test, "x")
		f := onceFlow(r, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			time.Sleep(time.Second)
			return to.Handle(ctx, m)
		}), in...)
		f.Retry.Ordered = true
		runFlow(t, f)
		if got := fmt.Sprint(to.Bodies()); got != "[a1 b2 t3 c4 a5 b7]" {
			t.Errorf("%s passed", got)
		}
		want := map[string]int64{"new": 5, "duplicates": 1, "waited": 0, "missing": 0, "keys": 0, "forgotten": 0}
		if got := r.Stats().Counts; !maps.Equal(got, want) { // it is closed, and does not know its keys
			t.Errorf("counts %v, want %v", got, want)
		}
	})
}

// Test Messages are duplicates of each other, and of no business message.
func TestIdempotentReceiver_TestMessages(t *testing.T) {
	r := onceIn(memory.New())
	var to eiptest.Recorder
	in := identified("a", "a", "a", "a")
	in[0], in[2] = in[0].WithHeader(header.Test, "x"), in[2].WithHeader(header.Test, "x")
	f := onceFlow(r, &to, in...)
	runFlow(t, f)
	if got := fmt.Sprint(to.Bodies()); got != "[a1 a2]" {
		t.Errorf("%s passed", got)
	}
	if got := r.Stats().Counts; got["new"] != 1 || got["duplicates"] != 1 {
		t.Errorf("counts %v", got)
	}
}

// Duplicates that are known, and those that waited, go aside; a channel that does not take
// them has them tried again.
func TestIdempotentReceiver_DuplicateTo(t *testing.T) {
	for _, aside := range []error{nil, errors.New("busy"), errors.New("panic")} {
		synctest.Test(t, func(t *testing.T) {
			r := onceIn(memory.New())
			var refused atomic.Bool
			var to eiptest.Recorder
			r.DuplicateTo = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if aside != nil && refused.CompareAndSwap(false, true) {
					if aside.Error() == "panic" {
						panic(aside)
					}
					return aside
				}
				return to.Handle(ctx, m)
			})
			sink := &paced{takes: time.Second, holds: true}
			f := onceFlow(r, sink, identified("a", "a", "a")...)
			runFlow(t, f)
			runFlow(t, onceFlow(r, sink, identified("a")...))
			if len(sink.took) != 1 || len(to.Messages()) != 3 {
				t.Errorf("with %v: %v passed, and %v went aside", aside, sink.took, to.Bodies())
			}
			if c, _ := f.Counts(); c.Sent != 3 || c.Dropped != 0 {
				t.Errorf("with %v: counts %+v", aside, c)
			}
		})
	}
}

// failing is a store that fails its first transactions.
type failing struct {
	store.Store
	times atomic.Int32
}

type failingSpace struct {
	store.Space
	of *failing
}

func (s *failing) Space(name string) (store.Space, error) {
	p, err := s.Store.Space(name)
	return failingSpace{p, s}, err
}

func (p failingSpace) Store() store.Store { return p.of }

func (s *failing) Commit(origin any, steps []store.Step, done func(int, error)) {
	if s.times.Add(-1) >= 0 {
		done(0, errors.New("the disk does not answer"))
		return
	}
	inner := make([]store.Step, len(steps))
	for i, step := range steps {
		inner[i] = store.Step{Space: step.Space.(failingSpace).Space, Change: step.Change}
	}
	s.Store.Commit(origin, inner, done)
}

// A key that could not be written down is not known (camel#24657).
func TestIdempotentReceiver_StoreFails(t *testing.T) {
	for times, want := range map[int32]string{1: "[a1 a1]", 2: "[a1 a1 a1]", 3: "[a1 a1 a1 a2]"} {
		synctest.Test(t, func(t *testing.T) {
			s := &failing{Store: memory.New()}
			runFlow(t, onceFlow(onceIn(s), eip.Discard)) // it is its space from now on
			s.times.Store(times)
			var to eiptest.Recorder
			runFlow(t, onceFlow(onceIn(s), &to, identified("a", "a", "a")...))
			if got := fmt.Sprint(to.Bodies()); got != want {
				t.Errorf("%d times: %s passed, want %s", times, got, want)
			}
		})
	}
}

// A message that comes twice to the stage within one attempt is its own duplicate, and
// waits for nothing.
func TestIdempotentReceiver_TwiceInOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := onceIn(memory.New())
		sink := &paced{takes: time.Second, holds: true}
		f := onceFlow(r, sink, identified("a")...)
		f.Stages = append([]eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return errors.Join(next.Handle(ctx, m), next.Handle(ctx, m))
		})}, f.Stages...)
		runFlow(t, f)
		if fmt.Sprint(sink.took) != "[a1]" {
			t.Errorf("%v passed", sink.took)
		}
	})
}

// While the flow stops, what waits is left to its source, or ends as usual.
func TestIdempotentReceiver_StopsWithWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := onceIn(memory.New())
		source := make(chan *eip.Message)
		f := onceFlow(r, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		f.Source, f.Concurrency, f.Grace = feed(source), 4, time.Second
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		var settled atomic.Int32
		for range 4 {
			m := eip.New(nil, func(err error) {
				if err == nil {
					t.Error("a message is done that was not")
				}
				settled.Add(1)
			})
			m.ID = "a"
			source <- m
		}
		synctest.Wait()
		stop()
		<-ended
		if settled.Load() != 4 {
			t.Errorf("%d settled", settled.Load())
		}
	})
}
