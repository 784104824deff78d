package embedded_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
)

// stages takes each message once from the queue in, and delays it on its way to the queue
// out.
func stages(dir string, _ int) error {
	return remembering(dir, func(in func(string) store.Space) []hop {
		once, later := endpoint.NewIdempotentReceiver(), routing.NewDelay()
		once.Store, later.Store = store.In(in("in.stage").Store()), store.In(in("once.stage").Store())
		later.For = adapter.Program{Source: "5ms"}
		if err := later.Validate(); err != nil {
			panic(err)
		}
		return []hop{{"in", "once", once}, {"once", "out", later}}
	})
}

// From queue to queue in one file, doubled messages come out once, and delayed ones neither
// get lost nor come twice, whenever the process is killed.
func TestKill_StagesThatRemember(t *testing.T) {
	t.Parallel() // it waits for processes
	const n = 5000
	var in []int
	for range 3 {
		in = slices.Concat(in, rand.Perm(n))
	}
	// Copies that are far apart, and such as are under way at once.
	for i := 0; i < len(in); i += 7 {
		in[i] = in[max(0, i-1)]
	}
	in = slices.Concat(in, rand.Perm(n))
	dir := t.TempDir()
	fill(t, dir, "in", in)
	killed(t, "stages", dir)
	onceEach(t, dir, "out", n, func(string) {})
}

// ordering puts what comes from the queue in in order, and into the queue out.
func ordering(dir string, _ int) error {
	return remembering(dir, func(in func(string) store.Space) []hop {
		r := routing.NewResequencer()
		r.Store = store.In(in("in.stage").Store())
		r.Key = func(context.Context, *eip.Message) (string, error) { return "all", nil }
		r.Number = func(_ context.Context, m *eip.Message) (any, error) { return strconv.Atoi(string(m.Body())) }
		r.First = 0
		return []hop{{"in", "out", r}}
	})
}

// From queue to queue in one file the order is strict, and nothing is doubled, whenever the
// process is killed.
func TestKill_Resequencer(t *testing.T) {
	t.Parallel() // it waits for processes
	const n, within = 1500, 50
	var in []int
	for from := 0; from < n; from += within {
		for _, i := range rand.Perm(within) {
			in = append(in, from+i)
		}
	}
	dir := t.TempDir()
	fill(t, dir, "in", in)
	killed(t, "ordering", dir)
	last := -1
	onceEach(t, dir, "out", n, func(body string) {
		if number, _ := strconv.Atoi(body); number != last+1 {
			t.Errorf("%d came after %d", number, last)
		}
		last, _ = strconv.Atoi(body)
	})
}
