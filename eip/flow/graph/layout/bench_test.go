package layout_test

import (
	"math/rand/v2"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph/layout"
)

// As many boxes and links as are drawn at most, and all between two ranks.
func BenchmarkPlace_Most(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var boxes []layout.Box
	var links []layout.Link
	for range 2000 {
		boxes = append(boxes, layout.Box{Along: 100, Across: 36})
	}
	for range 5000 {
		links = append(links, layout.Link{From: r.IntN(1000), To: 1000 + r.IntN(1000), Out: 18, In: 18})
	}
	for b.Loop() {
		layout.Place(boxes, links)
	}
}

// The same, with links from everywhere to everywhere.
func BenchmarkPlace_Wild(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var boxes []layout.Box
	var links []layout.Link
	for range 2000 {
		boxes = append(boxes, layout.Box{Along: 100, Across: 36})
	}
	for range 5000 {
		links = append(links, layout.Link{From: r.IntN(2000), To: r.IntN(2000), Out: 18, In: 18})
	}
	for b.Loop() {
		layout.Place(boxes, links)
	}
}
