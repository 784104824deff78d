package layout_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph/layout"
)

// A box that is added at the end, with a link from one of the last, moves few of the others:
// at most a tenth, in the median of 50 graphs.
func TestPlace_Stable(t *testing.T) {
	var moved []float64
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		var boxes []layout.Box
		var links []layout.Link
		n := 20 + r.IntN(40)
		for i := range n {
			boxes = append(boxes, layout.Box{Along: 100, Across: 36})
			if i > 0 {
				links = append(links, layout.Link{From: max(0, i-1-r.IntN(4)), To: i, Out: 18, In: 18, Weight: 4})
			}
		}
		before := layout.Place(boxes, links)
		boxes = append(boxes, layout.Box{Along: 100, Across: 36})
		links = append(links, layout.Link{From: n - 1 - r.IntN(4), To: n, Out: 18, In: 18, Weight: 4})
		after := layout.Place(boxes, links)
		count := 0
		for i, at := range before.Boxes {
			if after.Boxes[i] != at {
				count++
			}
		}
		moved = append(moved, float64(count)/float64(n))
	}
	slices.Sort(moved)
	t.Logf("%.0f%% are moved in the median", 100*moved[25])
	if moved[25] > 0.1 {
		t.Errorf("half of the additions move more than %.0f%% of the boxes: %.2f", 100*moved[25], moved)
	}
}
