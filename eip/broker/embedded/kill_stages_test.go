package embedded_test

import (
	"math/rand/v2"
	"slices"
	"testing"

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
