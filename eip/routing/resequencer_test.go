package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func resequencerIn(s store.Store) *routing.Resequencer {
	r := routing.NewResequencer()
	r.Store = store.In(s)
	return r
}

// places are messages of sequences, each a letter and a number.
func places(of string) (all []*eip.Message) {
	for _, place := range strings.Fields(of) {
		all = append(all, eip.New([]byte(place), nil).With(func(m *eip.Message) {
			m.Sequence.ID = place[:1]
			fmt.Sscan(place[1:], &m.Sequence.Number)
		}))
	}
	return all
}

func TestResequencer_Contract(t *testing.T) {
	number := func(v any, err error) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			r := resequencerIn(memory.New())
			r.Number = func(context.Context, *eip.Message) (any, error) { return v, err }
			return r
		}
	}
	fresh := func(eip.Handler) eip.Stage { return resequencerIn(memory.New()) }
	for name, c := range map[string]eiptest.StageCase{
		"in order":    {New: fresh, Inputs: places("a1 a2 a3")},
		"reordered":   {New: fresh, Inputs: places("a3 b2 a2 a1 b1")},
		"with a gap":  {New: fresh, Inputs: places("a3 a2 a7")},
		"no sequence": {New: fresh, Inputs: []*eip.Message{eiptest.Message("x")}, Outcome: eiptest.Rejects},
		"no number":   {New: number("x", nil), Inputs: places("a1"), Outcome: eiptest.Rejects},
		"a half":      {New: number(1.5, nil), Inputs: places("a1"), Outcome: eiptest.Rejects},
		"one, again":  {New: number(json.Number("1.0"), nil), Inputs: places("a1"), Sends: 1},
		"a half, too": {New: number(json.Number("1.5"), nil), Inputs: places("a1"), Outcome: eiptest.Rejects},
		"much larger": {New: number(json.Number("1e300"), nil), Inputs: places("a1"), Outcome: eiptest.Rejects},
		"below first": {New: number(0, nil), Inputs: places("a1"), Outcome: eiptest.Rejects},
		"too large":   {New: number(1<<60, nil), Inputs: places("a1"), Outcome: eiptest.Rejects},
		"fails":       {New: number(nil, errNotThere), Inputs: places("a1"), Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestResequencer_Validate(t *testing.T) {
	for option, set := range map[string]func(*routing.Resequencer){
		"":         func(*routing.Resequencer) {},
		"timeout":  func(r *routing.Resequencer) { r.Timeout.Set(0) },
		"capacity": func(r *routing.Resequencer) { r.Capacity.Set(0) },
		"forget":   func(r *routing.Resequencer) { r.ForgetAfter = 0 },
	} {
		r := routing.NewResequencer()
		set(r)
		if err := r.Validate(); (err == nil) != (option == "") || optionOf(err) != option {
			t.Errorf("%q: %v", option, err)
		}
	}
}

// resequenced runs places through a stage, and returns what came with its second.
func resequenced(t *testing.T, r *routing.Resequencer, lanes int, in []*eip.Message, to func(*eip.Message) error) (came []string, f *eip.Flow) {
	t.Helper()
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	began := time.Now()
	f = &eip.Flow{Name: "f", Source: eiptest.NewSource(in...), Concurrency: lanes, DeadLetter: eip.Discard,
		Stages: []eip.Stage{&eip.Named{Address: "f.order", Stage: r}}, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			mu.Lock()
			defer mu.Unlock()
			err := to(m)
			if err == nil {
				came = append(came, fmt.Sprintf("%s@%v", m.Body(), time.Since(began).Truncate(time.Second)))
			}
			release := m.Hold()
			time.AfterFunc(time.Duration(len(m.Body())+len(came)%3)*time.Millisecond, func() { release(err) })
			return nil
		})}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Source.(*eiptest.Source).Check(t)
	if n, _ := f.Counts(); n.InFlight != 0 || n.Received != n.Sent+n.Dropped+n.Failed {
		t.Errorf("the counts do not add up: %+v", n)
	}
	return came, f
}

func accept(*eip.Message) error { return nil }

func TestResequencer_PutsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		set  func(*routing.Resequencer)
		want string
		own  string
	}{
		"reversed":   {"a4 a3 a2 a1", nil, "a1@0s a2@0s a3@0s a4@0s", "in_order 1, reordered 3"},
		"a gap":      {"a1 a2 a4 a5", nil, "a1@0s a2@0s a4@10s a5@10s", "in_order 2, reordered 2, skipped 1"},
		"two gaps":   {"a3 a6", nil, "a3@10s a6@10s", "reordered 2, skipped 4"},
		"doubled":    {"a2 a2 a1 a1 a2", nil, "a1@0s a2@0s", "duplicates 3, in_order 1, reordered 1"},
		"each alone": {"a2 b1 b2 a1", nil, "b1@0s b2@0s a1@0s a2@0s", "in_order 3, reordered 1"},
		"first is 0": {"a1 a0", func(r *routing.Resequencer) { r.First = 0 }, "a0@0s a1@0s", "in_order 1, reordered 1"},
		"too many":   {"a2 b3 b2 c2", func(r *routing.Resequencer) { r.Capacity.Set(3) }, "a2@0s b2@10s b3@10s c2@10s", "reordered 4, skipped 3"},
		"patience is set": {"a2", func(r *routing.Resequencer) {
			time.AfterFunc(3500*time.Millisecond, func() { r.Timeout.Set(time.Second) })
		}, "a2@4s", "reordered 1, skipped 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := resequencerIn(memory.New())
				if c.set != nil {
					c.set(r)
				}
				in := places(c.in)
				if name == "first is 0" {
					r.Number = func(_ context.Context, m *eip.Message) (any, error) { return float64(m.Sequence.Number), nil }
				}
				came, _ := resequenced(t, r, 1, in, accept)
				byKey := strings.Fields(c.want)
				slices.SortStableFunc(byKey, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
				slices.SortStableFunc(came, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
				if !slices.Equal(came, byKey) {
					t.Errorf("came %v, want %v", came, byKey)
				}
				var own []string
				for name, n := range r.Stats().Counts {
					if n != 0 {
						own = append(own, fmt.Sprint(name, " ", n))
					}
				}
				slices.Sort(own)
				if got := strings.Join(own, ", "); got != c.own {
					t.Errorf("its own counts are %s, want %s", got, c.own)
				}
			})
		})
	}
}

// However messages come, double and fail, each sequence is in order: what is tried again is
// not overtaken, and what failed for good holds up nothing.
func TestResequencer_RandomOrder(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 9))
			var in []*eip.Message
			for n := 1; n <= 100; n++ {
				for _, key := range "abc" {
					in = append(in, places(fmt.Sprint(string(key), n))...)
					if random.IntN(10) == 0 {
						in = append(in, places(fmt.Sprint(string(key), n))...)
					}
				}
			}
			for from := 0; from < len(in); from += 60 { // within some
				part := in[from:min(from+60, len(in))]
				random.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
			}
			tries := map[string]int{}
			came, f := resequenced(t, resequencerIn(memory.New()), 1+random.IntN(4), in, func(m *eip.Message) error {
				tries[string(m.Body())]++
				switch n := m.Sequence.Number; {
				case n%17 == 0:
					return eip.Permanent(errors.New("gone"))
				case n%5 == 0 && tries[string(m.Body())] == 1:
					return errors.New("busy")
				}
				return nil
			})
			last := map[byte]int{}
			for _, c := range came {
				var n int
				fmt.Sscan(strings.Split(c[1:], "@")[0], &n)
				if n <= last[c[0]] {
					t.Fatalf("seed %d: %s came after %d", seed, c, last[c[0]])
				}
				last[c[0]] = n
			}
			if n, _ := f.Counts(); len(came) != 3*95 || n.DeadLettered != 3*5 {
				t.Errorf("seed %d: %d came, counts %+v", seed, len(came), n)
			}
		})
	}
}

// How far a sequence is outlasts a restart, and so does what was skipped.
func TestResequencer_Remembers(t *testing.T) {
	for late, want := range map[routing.Skipped]string{"dead_letter": "[] 0 1", "discard": "[] 1 0", "pass": "[a2@0s] 0 0"} {
		synctest.Test(t, func(t *testing.T) {
			s := memory.New()
			resequenced(t, resequencerIn(s), 1, places("a1 a3"), accept)
			r := resequencerIn(s)
			r.Late = late
			came, f := resequenced(t, r, 1, places("a2"), accept)
			n, _ := f.Counts()
			if got := fmt.Sprint(came, n.Dropped, n.DeadLettered); got != want || r.Stats().Counts["late"] != 1 {
				t.Errorf("%s: %s, want %s", late, got, want)
			}
			tests := places("a1")
			tests[0] = tests[0].WithHeader(header.Test, "x")
			if came, _ = resequenced(t, resequencerIn(s), 1, append(places("a5 a1 a4"), tests...), accept); fmt.Sprint(came) != "[a4@0s a5@0s a1@0s]" && fmt.Sprint(came) != "[a4@0s a1@0s a5@0s]" {
				t.Errorf("after it %v", came)
			}
			time.Sleep(25 * time.Hour)
			if came, _ = resequenced(t, resequencerIn(s), 1, places("a1"), accept); fmt.Sprint(came) != "[a1@0s]" {
				t.Errorf("after a day %v", came)
			}
		})
	}
}

// A flow that stops gives back what waits for what is missing, and skips nothing.
func TestResequencer_GivesBackWhenTheFlowStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		source := make(live)
		ctx, stop := context.WithCancel(t.Context())
		var out eiptest.Recorder
		f := &eip.Flow{Name: "f", Source: source, Stages: []eip.Stage{&eip.Named{Address: "f.order", Stage: resequencerIn(s)}}, To: &out, DeadLetter: eip.Discard}
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		for _, m := range places("a1 a3 a4") {
			source <- m
		}
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if c, _ := f.Counts(); c.Sent != 1 || c.Returned != 2 {
			t.Errorf("counts %+v", c)
		}
		if came, _ := resequenced(t, resequencerIn(s), 1, places("a4 a3 a2"), accept); fmt.Sprint(came) != "[a2@0s a3@0s a4@0s]" {
			t.Errorf("then %v", came)
		}
	})
}
