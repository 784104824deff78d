package layout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph/layout"
)

// random is a graph of n boxes, with links that mostly lead onwards.
func random(r *rand.Rand, n, links int) (boxes []layout.Box, all []layout.Link) {
	for range n {
		boxes = append(boxes, layout.Box{Along: float64(20 + 2*r.IntN(80)), Across: float64(20 + 2*r.IntN(40))})
	}
	for range links {
		a, b := r.IntN(n), r.IntN(n)
		if r.IntN(8) > 0 {
			a, b = min(a, b), max(a, b)
		}
		all = append(all, layout.Link{From: a, To: b, Out: float64(2 + r.IntN(int(boxes[a].Across)-4)), In: boxes[b].Across / 2, Weight: 1 + 3*r.IntN(2), Aside: r.IntN(6) == 0})
	}
	return boxes, all
}

// wrong says what is wrong with a layout; "": nothing.
func wrong(boxes []layout.Box, links []layout.Link, l *layout.Layout) string {
	type rect struct{ x1, y1, x2, y2 float64 }
	var rects []rect
	for i, b := range boxes {
		at := l.Boxes[i]
		rects = append(rects, rect{at.Along, at.Across, at.Along + b.Along, at.Across + b.Across})
		if at.Along < 0 || at.Across < 0 || rects[i].x2 > l.Along || rects[i].y2 > l.Across {
			return fmt.Sprintf("box %d is outside", i)
		}
		for k := range i {
			o := rects[k]
			if rects[i].x1 < o.x2 && o.x1 < rects[i].x2 && rects[i].y1 < o.y2 && o.y1 < rects[i].y2 {
				return fmt.Sprintf("boxes %d and %d overlap", k, i)
			}
		}
	}
	for i, path := range l.Links {
		k := links[i]
		if first := (layout.Point{Along: rects[k.From].x2, Across: rects[k.From].y1 + k.Out}); path[0] != first {
			return fmt.Sprintf("link %d begins at %v, not at %v", i, path[0], first)
		}
		if last := (layout.Point{Along: rects[k.To].x1, Across: rects[k.To].y1 + k.In}); path[len(path)-1] != last {
			return fmt.Sprintf("link %d ends at %v, not at %v", i, path[len(path)-1], last)
		}
		for n := 1; n < len(path); n++ {
			a, b := path[n-1], path[n]
			if a.Along != b.Along && a.Across != b.Across {
				return fmt.Sprintf("link %d is oblique: %v", i, path)
			}
			if b.Along < a.Along && !l.Round[i] {
				return fmt.Sprintf("link %d goes back: %v", i, path)
			}
			s := rect{min(a.Along, b.Along), min(a.Across, b.Across), max(a.Along, b.Along), max(a.Across, b.Across)}
			if s.x1 < 0 || s.y1 < 0 || s.x2 > l.Along || s.y2 > l.Across {
				return fmt.Sprintf("link %d leaves the drawing: %v", i, path)
			}
			for box, o := range rects {
				if s.x1 < o.x2 && o.x1 < s.x2 && s.y1 < o.y2 && o.y1 < s.y2 {
					return fmt.Sprintf("link %d, from %d to %d, passes through box %d: %v", i, k.From, k.To, box, path)
				}
			}
		}
	}
	return ""
}

func TestPlace(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		boxes, links := random(r, 1+r.IntN(30), r.IntN(60))
		if seed%4 == 0 { // a long chain, with links over many ranks that are bundled
			for i := 1; i < len(boxes); i++ {
				links = append(links, layout.Link{From: i - 1, To: i, Out: 4, In: 4, Weight: 4}, layout.Link{From: r.IntN(i), To: len(boxes) - 1, Out: 8, In: 8})
			}
		}
		l := layout.Place(boxes, links)
		if what := wrong(boxes, links, l); what != "" {
			t.Errorf("seed %d: %s", seed, what)
		}
		again := layout.Place(boxes, links)
		if !slices.Equal(l.Boxes, again.Boxes) || fmt.Sprint(l.Links) != fmt.Sprint(again.Links) {
			t.Errorf("seed %d: placed again, it is another layout", seed)
		}
	}
}
