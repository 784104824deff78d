package layout

import (
	"cmp"
	"slices"
)

// An outer is a way round the outside, or to a box of the band: from one gap to others,
// below all boxes.
type outer struct {
	links     []int
	low, high int // gaps
	at        float64
	box       int // of the band; -1
}

// findOuter gathers the links that go round the outside, and places the boxes of the band.
func (r *router) findOuter() {
	type place struct {
		box, from int
		out       float64
	}
	found := map[place]*outer{}
	for i, l := range r.links {
		if r.ranked(i) {
			continue
		}
		at := place{-1, l.From, l.Out}
		if r.band[l.To] {
			at = place{box: l.To}
		}
		gap := r.rank[l.From] + 1
		o := found[at]
		if o == nil {
			o = &outer{low: gap, high: gap, box: at.box}
			found[at] = o
			r.outers = append(r.outers, o)
		}
		o.low, o.high = min(o.low, gap, r.rank[l.To]), max(o.high, r.rank[l.To])
		o.links = append(o.links, i)
		r.outerOf[i] = o
	}
	// Ways round the outside come first, nearest to the boxes; then the rows of the band.
	slices.SortStableFunc(r.outers, func(a, b *outer) int { return cmp.Compare(min(a.box, 0), min(b.box, 0)) })
	var rows [][]*outer
	least := 0
	for _, o := range r.outers {
		if o.box >= 0 && least == 0 {
			least = len(rows)
		}
		n := least
		for n < len(rows) && slices.ContainsFunc(rows[n], func(other *outer) bool {
			return o.low <= other.high+1 && other.low <= o.high+1
		}) {
			n++
		}
		if n == len(rows) {
			rows = append(rows, nil)
		}
		rows[n] = append(rows[n], o)
	}
	at := r.across + beside
	for n, row := range rows {
		if n > 0 && row[0].box >= 0 {
			at += beside - lane
		}
		height := 0.0
		for _, o := range row {
			o.at = at
			if o.box >= 0 {
				o.at += r.links[o.links[0]].In
				height = max(height, r.boxes[o.box].Across)
			}
		}
		r.across = at + height
		at = r.across + lane
	}
}
