package routing_test

import (
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// What others' stores of groups and delays got wrong, as users reported it.

// remembering are stages that send a message ten seconds after the part 1, and what that
// message is.
var remembering = map[string]struct {
	stage func(*testing.T, store.Store) eip.Stage
	want  string
}{
	"aggregator": {func(t *testing.T, s store.Store) eip.Stage {
		return aggregatorIn(t, s, func(a *routing.Aggregator) { a.Timeout.Set(10 * time.Second) })
	}, "[1] timeout"},
	"delay": {func(_ *testing.T, s store.Store) eip.Stage {
		d := routing.NewDelay()
		d.Store, d.For = store.In(s), adapter.Program{Source: "10s"}
		return d
	}, "1"},
}

// jumping is a clock that is set to another time.
type jumping struct{ by atomic.Int64 }

func (j *jumping) Now() time.Time { return time.Now().Add(time.Duration(j.by.Load())).Round(0) }
func (j *jumping) AfterFunc(d time.Duration, f func()) eip.Timer {
	return time.AfterFunc(d, f)
}

// When the clock is set back, what waits waits so much longer; when it is set forward, no
// longer than it would have. Nothing is lost, comes twice or comes without its time.
func TestState_ClockIsSet(t *testing.T) {
	for name, r := range remembering {
		for by, want := range map[time.Duration]time.Duration{-time.Hour: time.Hour + 10*time.Second, -time.Second: 11 * time.Second, time.Hour: 10 * time.Second} {
			t.Run(fmt.Sprint(name, by), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					clock := &jumping{}
					g := gatherWith(t, r.stage(t, memory.New()), eip.Clock{Timekeeper: clock})
					began, came := time.Now(), []time.Duration{}
					g.fails = func(*eip.Message) error { came = append(came, time.Since(began)); return nil }
					g.send(parts("a", "1")...)
					time.Sleep(4 * time.Second)
					clock.by.Store(int64(by))
					time.Sleep(2 * time.Hour)
					g.end(true)
					if got := g.bodies("out"); got != r.want || len(came) != 1 || came[0] != want {
						t.Errorf("there came %q, after %v; want %v", got, came, want)
					}
				})
			})
		}
	}
}

// A process that starts again and again while something waits sends nothing of it before its
// time, and then once (camel#26115).
func TestState_StartsAgainAndAgain(t *testing.T) {
	for name, r := range remembering {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New()
				all := ""
				for i := range 7 {
					g := gather(t, r.stage(t, s))
					if i == 0 {
						g.send(parts("a", "1")...)
					}
					time.Sleep(1900 * time.Millisecond)
					synctest.Wait()
					if got := g.bodies("out") + g.bodies("dead") + g.bodies("invalid"); got != "" {
						all += fmt.Sprint(i, ": ", got, "; ")
					}
					g.end(true)
				}
				if want := "5: " + r.want + "; "; all != want {
					t.Errorf("there came %q, want %q", all, want)
				}
			})
		})
	}
}

// What is remembered goes with its stage to another address, what is to be sent too.
func TestState_MovedToAnotherAddress(t *testing.T) {
	for name, r := range remembering {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New()
				g := gather(t, r.stage(t, s))
				g.send(parts("a", "1")...)
				g.end(true)
				if err := s.Rename("f.gather", "f.old"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				g = gather(t, r.stage(t, s)) // a new stage of the first's address has nothing of it
				time.Sleep(time.Minute)
				g.end(true)
				if got := g.bodies("out"); got != "" {
					t.Errorf("of another stage came %q", got)
				}
				if err := s.Rename("f.old", "f.gather"); err == nil {
					t.Error("it takes the place of what is there")
				}
				if err := s.Rename("f.gather", "f.third"); err != nil {
					t.Fatal(err)
				}
				if err := s.Rename("f.old", "f.gather"); err != nil {
					t.Fatal(err)
				}
				g = gather(t, r.stage(t, s))
				time.Sleep(time.Minute)
				g.end(true)
				if got := g.bodies("out"); got != r.want {
					t.Errorf("there came %q, want %q", got, r.want)
				}
			})
		})
	}
}

// reads counts what is read of a store.
type reads struct {
	store.Store
	n atomic.Int64
}

type readSpace struct {
	store.Space
	of *reads
}

type reader struct {
	store.Reader
	n *atomic.Int64
}

func (r *reads) Space(name string) (store.Space, error) {
	p, err := r.Store.Space(name)
	return readSpace{p, r}, err
}

func (p readSpace) Store() store.Store { return p.of }

func (r *reads) Commit(origin any, steps []store.Step, done func(int, error)) {
	own := make([]store.Step, len(steps))
	for i, s := range steps {
		own[i] = store.Step{Space: s.Space.(readSpace).Space, Change: s.Change}
	}
	r.Store.Commit(origin, own, done)
}

func (p readSpace) View(f func(store.Reader) error) error {
	return p.Space.View(func(r store.Reader) error { return f(reader{r, &p.of.n}) })
}

func (r reader) Get(key string) ([]byte, time.Time) { r.n.Add(1); return r.Reader.Get(key) }

func (r reader) Range(prefix, from string) iter.Seq2[string, []byte] {
	return counted(r.Reader.Range(prefix, from), r.n)
}

func (r reader) Due() iter.Seq2[time.Time, string] { return counted(r.Reader.Due(), r.n) }

func counted[K, V any](all iter.Seq2[K, V], n *atomic.Int64) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range all {
			if n.Add(1); !yield(k, v) {
				return
			}
		}
	}
}

// However much is remembered, a start reads only a little of it
// (spring-integration#3446).
func TestState_StartReadsLittle(t *testing.T) {
	for name, r := range remembering {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &reads{Store: memory.New()}
				g := gather(t, r.stage(t, s))
				const n = 5000
				for i := range n {
					g.send(parts(fmt.Sprint("k", i), "1")...)
				}
				g.end(true)
				s.n.Store(0)
				g = gather(t, r.stage(t, s))
				synctest.Wait()
				if got := s.n.Load(); got > 50 {
					t.Errorf("%d keys were read of %d", got, n)
				}
				time.Sleep(time.Minute)
				g.end(true)
				if got := strings.Count(g.bodies("out"), "1"); got != n {
					t.Errorf("%d came, want %d", got, n)
				}
			})
		})
	}
}
