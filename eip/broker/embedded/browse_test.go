package embedded_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Whatever is taken, given back and settled, and wherever messages are (on disk, in memory,
// large ones), a look shows what is not settled: in order, and whether it is taken.
func TestBrowse_ShowsWhatIsNotSettled(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, dir := rand.New(rand.NewPCG(seed, 0)), t.TempDir()
			b := openIn(t, dir)
			type waiting struct {
				n                  int
				taken, redelivered bool
			}
			var want []*waiting
			var held []func(error) // settles with, and what becomes of it in want
			var src broker.Source
			sent := 0
			send := func(n int) {
				to, err := b.Sender(t.Context(), orders)
				if err != nil {
					t.Fatal(err)
				}
				for range n {
					body := make([]byte, 8+r.IntN(200))
					if r.IntN(200) == 0 {
						body = make([]byte, 600<<10)
					}
					m := eip.New(body, nil).With(func(m *eip.Message) { m.ID = fmt.Sprint(sent) })
					if err := eip.Await(t.Context(), to, m); err != nil {
						t.Fatal(err)
					}
					want = append(want, &waiting{n: sent})
					sent++
				}
				if err := to.Close(); err != nil {
					t.Fatal(err)
				}
			}
			read := func() {
				var err error
				if src, err = b.Source(t.Context(), orders, broker.Subscription{Prefetch: 500}); err != nil {
					t.Fatal(err)
				}
			}
			look := func() {
				t.Helper()
				var seen []waiting
				for m, err := range b.Browse(t.Context(), orders, broker.BrowseOptions{}) {
					if err != nil {
						t.Fatal(err)
					}
					w := waiting{taken: m.Taken, redelivered: m.Redelivered}
					_, _ = fmt.Sscan(m.ID, &w.n)
					seen = append(seen, w)
				}
				if !slices.EqualFunc(seen, want, func(a waiting, b *waiting) bool { return a == *b }) {
					t.Fatalf("it shows %d messages and there are %d, or not as they are", len(seen), len(want))
				}
			}
			send(1500)
			read()
			for range 300 {
				switch r.IntN(5) {
				case 0:
					send(r.IntN(5))
				case 1: // in another process
					if r.IntN(10) > 0 {
						continue
					}
					if err := src.Close(); err != nil { // gives back what is held
						t.Fatal(err)
					}
					held = nil
					for _, w := range want {
						if w.taken {
							w.taken, w.redelivered = false, true
						}
					}
					look()
					if err := b.Close(); err != nil {
						t.Fatal(err)
					}
					b = openIn(t, dir)
					last := slices.IndexFunc(want, func(w *waiting) bool { return !w.redelivered })
					for i, w := range want { // all before the last one that was ever delivered
						w.redelivered = i < last || last < 0 || w.redelivered
					}
					look()
					read()
				case 2, 3:
					for range r.IntN(20) {
						i := slices.IndexFunc(want, func(w *waiting) bool { return !w.taken })
						if i < 0 || len(held) == 500 {
							break
						}
						w := want[i]
						m, err := src.Receive(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						if m.ID != fmt.Sprint(w.n) {
							t.Fatalf("%s comes, and not %d", m.ID, w.n)
						}
						w.taken = true
						eip.Deliver(t.Context(), eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
							release := m.Hold()
							held = append(held, func(err error) {
								if w.taken, w.redelivered = false, true; err == nil {
									want = slices.DeleteFunc(want, func(o *waiting) bool { return o == w })
								}
								release(err)
							})
							return nil
						}), m)
					}
				case 4:
					r.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
					n := r.IntN(len(held) + 1)
					for _, settle := range held[:n] {
						settle([]error{nil, fmt.Errorf("failed on purpose")}[r.IntN(2)])
					}
					held = held[n:]
				}
				look()
			}
			if err := src.Close(); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
