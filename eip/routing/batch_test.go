package routing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

func batch(set func(*routing.Batch)) *routing.Batch {
	b := routing.NewBatch()
	b.Size.Set(3)
	set(b)
	return b
}

func TestBatch(t *testing.T) {
	for name, c := range map[string]struct {
		set          func(*routing.Batch)
		in           []*eip.Message
		out, invalid string
		counts       map[string]int64
	}{
		"full":    {func(b *routing.Batch) {}, parts("a", "1", "2", "3", "4", `"x"`, "6"), `[1,2,3] size | [4,"x",6] size`, "", map[string]int64{"batches": 2, "parts": 6}},
		"in time": {func(b *routing.Batch) {}, parts("a", "1", "2"), "[1,2] timeout", "", nil},
		"lines":   {func(b *routing.Batch) { b.Format = "lines" }, slices.Concat(parts("a", "x", "{\"a\":\n1}"), parts("a", "a\nb"), parts("a", "z")), "x\n{\"a\":1}\nz\n size", "a\nb", nil},
		"a body": {func(b *routing.Batch) {
			see(t, &b.Body, `{"n": group.count, "all": map(group.messages, #.body), "by": group.closed_by, "k": group.key}`)
		}, parts("a", "1", "2", "3"), `{"all":[1,2,3],"by":"size","k":"","n":3} size`, "", nil},
		"bytes":  {func(b *routing.Batch) { b.Bytes = 10 }, parts("a", "1", `"2345678"`, "3"), `[1,"2345678"] bytes | [3] timeout`, "", nil},
		"broken": {func(b *routing.Batch) {}, slices.Concat(parts("a", "1"), []*eip.Message{broken()}, parts("a", "2", "3")), "[1,2,3] size", "{", nil},
		"tests": {func(b *routing.Batch) {}, slices.Concat(parts("a", "1"), []*eip.Message{parts("a", "2")[0].WithHeader("eip-test", strings.Repeat("1", 32))}, parts("a", "3", "4")),
			"[2] size | [1,3,4] size", "", map[string]int64{"batches": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := batch(c.set)
				g := gather(t, b)
				g.send(c.in...)
				time.Sleep(1100 * time.Millisecond)
				g.end(false)
				if got := g.bodies("out"); got != c.out {
					t.Errorf("came out:\n%s\nwant\n%s", got, c.out)
				}
				if got := g.bodies("invalid"); got != c.invalid {
					t.Errorf("invalid: %q, want %q", got, c.invalid)
				}
				for name, want := range c.counts {
					if got := b.Stats().Counts[name]; got != want {
						t.Errorf("%s is %d, want %d", name, got, want)
					}
				}
			})
		})
	}
}

func TestBatch_Time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batch(func(b *routing.Batch) {})
		g := gather(t, b)
		began := time.Now()
		var came []string
		g.fails = func(m *eip.Message) error {
			came = append(came, fmt.Sprintf("%v %s", time.Since(began), m.Body()))
			return nil
		}
		g.send(parts("a", "1", "2")...)
		time.Sleep(900 * time.Millisecond)
		g.send(parts("a", "3", "4")...) // a batch of its own, whose second begins now
		time.Sleep(500 * time.Millisecond)
		g.send(parts("a", "5")...)
		time.Sleep(600 * time.Millisecond) // 2 s
		b.Timeout.Set(3 * time.Second)
		g.send(parts("a", "6")...)
		b.Timeout.Set(2 * time.Second)
		time.Sleep(2500 * time.Millisecond)
		b.Timeout.Set(4 * time.Second)
		time.Sleep(600 * time.Millisecond) // 5.1 s
		b.Size.Set(2)
		g.send(parts("a", "7", "8")...)
		time.Sleep(5 * time.Second)
		g.end(false)
		if got, want := strings.Join(came, "; "), "900ms [1,2,3]; 1.9s [4,5]; 5.1s [6,7]; 9.1s [8]"; got != want {
			t.Errorf("came %s, want %s", got, want)
		}
	})
}

// When no more will come, as the source has ended or the flow stops, a batch waits for its
// time no longer.
func TestBatch_End(t *testing.T) {
	for _, atOnce := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := gather(t, batch(func(b *routing.Batch) { b.Timeout.Set(time.Hour) }))
			g.send(parts("a", "1", "2", "3", "4")...)
			time.Sleep(time.Minute)
			began := time.Now()
			g.end(atOnce)
			if got, took := g.bodies("out"), time.Since(began); got != "[1,2,3] size | [4] end" || took >= g.flow.Grace {
				t.Errorf("at once %v: came %q after %v", atOnce, got, took)
			}
		})
	}
}

// A message that spoils its batch is a dead letter, and the others come through.
func TestBatch_OneSpoilsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batch(func(b *routing.Batch) {})
		g := gather(t, b)
		g.fails = func(m *eip.Message) error {
			if strings.Contains(string(m.Body()), "13") {
				return errors.New("13 is no good number")
			}
			return nil
		}
		g.send(parts("a", "1", "13", "2", "3", "4", "5")...)
		time.Sleep(time.Second)
		g.end(false)
		if got := sorted(g.bodies("out")); got != "[1] size | [2] size | [3,4,5] size" {
			t.Errorf("came %s", got)
		}
		if got := g.bodies("dead"); got != "13" {
			t.Errorf("dead letters: %s", got)
		}
		if n := b.Stats().Counts["alone"]; n != 3 {
			t.Errorf("%d went alone, want 3", n)
		}
	})
}

// taken is the settler of a message whose source takes it back.
type taken struct {
	back    *atomic.Bool
	settled chan error
}

func (r taken) Settle(err error) { r.settled <- err }
func (r taken) Revoked() bool    { return r.back.Load() }

// What a broker delivers anew is in the batch once.
func TestBatch_TakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batch(func(b *routing.Batch) { b.Size.Set(4) })
		g := gather(t, b)
		lost := taken{new(atomic.Bool), make(chan error, 3)}
		for _, p := range parts("a", "1", "2", "3") {
			g.in <- eip.NewFor(p.Body(), lost).With(func(m *eip.Message) { m.ID = p.ID })
		}
		synctest.Wait()
		lost.back.Store(true)
		g.send(parts("a", "1", "2", "3", "4")...)
		g.end(false)
		if got := g.bodies("out"); got != "[1,2,3,4] size" {
			t.Errorf("came %s", got)
		}
		for range 3 {
			if err := <-lost.settled; !errors.Is(err, eip.ErrRevoked) {
				t.Errorf("what was taken back settled with %v", err)
			}
		}
	})
}

// The batch that is tried again has the identifier that it had, and what is the same in all.
func TestBatch_Output(t *testing.T) {
	ids := map[string]bool{}
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			g := gather(t, batch(func(b *routing.Batch) {}))
			all := parts("a", "1", "2", "3")
			for i := range all {
				all[i] = all[i].WithHeader("n", i).With(func(m *eip.Message) {
					m.Type, m.UserID, m.Key, m.Sequence, m.CorrelationID = "t", "u", "k", eip.Sequence{ID: "s", Number: i + 1}, fmt.Sprint("c", i)
				})
			}
			g.send(all...)
			g.end(true)
			m := g.got["out"][0]
			ids[m.ID] = true
			if len(m.ID) != 32 || m.Type != "" || m.UserID != "" || m.Key != "k" || m.Sequence != (eip.Sequence{}) || m.CorrelationID != "c0" || m.ContentType != "application/json" ||
				fmt.Sprint(m.Headers) != "map[eip-closed-by:size eip-group-count:3 key:a]" {
				t.Errorf("%+v", m)
			}
		})
	}
	if len(ids) != 1 {
		t.Errorf("the same batch had the identifiers %v", ids)
	}
}

// More than the window cannot be had at once: the time closes a batch.
func TestBatch_LargerThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in list
		for i := range 50 {
			in = append(in, eip.New(fmt.Append(nil, i), nil))
		}
		sizes := 0
		f := &eip.Flow{Name: "f", Source: &in, Window: 20, Stages: []eip.Stage{batch(func(b *routing.Batch) { b.Size.Set(100) })}, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			sizes += m.Headers["eip-group-count"].(int)
			return nil
		})}
		if err := f.Run(t.Context()); err != nil || sizes != 50 {
			t.Errorf("%v, %d messages in batches", err, sizes)
		}
	})
}

func TestBatch_Validate(t *testing.T) {
	for option, set := range map[string]func(*routing.Batch){
		"size":    func(b *routing.Batch) { b.Size.Set(0) },
		"timeout": func(b *routing.Batch) { b.Timeout.Set(0) },
		"bytes":   func(b *routing.Batch) { b.Bytes = 0 },
		"format":  func(b *routing.Batch) { b.Format = "lines"; see(t, &b.Body, "group.count") },
		"body":    func(b *routing.Batch) { see(t, &b.Body, "group.parts") },
	} {
		if err := batch(set).Validate(); optionOf(err) != option {
			t.Errorf("%s: %v", option, err)
		}
	}
}

func TestBatch_Contract(t *testing.T) {
	eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return batch(func(b *routing.Batch) { b.Size.Set(1) }) }})
	eiptest.Stage(t, eiptest.StageCase{Inputs: parts("a", "1", "2"), Sends: 1, New: func(eip.Handler) eip.Stage { return batch(func(b *routing.Batch) {}) }})
	eiptest.Stage(t, eiptest.StageCase{Inputs: []*eip.Message{broken()}, Outcome: eiptest.Rejects, New: func(eip.Handler) eip.Stage { return batch(func(b *routing.Batch) {}) }})
}
