package layout

import (
	"cmp"
	"slices"
)

// findOuter gathers the links that go round the outside, and places the boxes of the band.
func (r *router) findOuter() {
	vertexOf := r.vertexOf()
	type place struct {
		vertex int
		out    float64
	}
	backs, bands := map[place]*outer{}, map[int]*outer{}
	for i, l := range r.links {
		switch {
		case r.band[l.To]:
			o := bands[l.To]
			if o == nil {
				o = &outer{low: r.rank[l.From] + 1, high: r.rank[l.To], box: l.To}
				bands[l.To] = o
				r.lanes = append(r.lanes, o)
			}
			o.low = min(o.low, r.rank[l.From]+1)
			o.links = append(o.links, i)
		case r.back[i]:
			at := place{vertexOf[l.From], l.Out}
			o := backs[at]
			if o == nil {
				o = &outer{low: r.rank[l.From] + 1, high: r.rank[l.From] + 1, box: -1}
				backs[at] = o
				r.lanes = append(r.lanes, o)
			}
			o.low, o.high = min(o.low, r.rank[l.To]), max(o.high, r.rank[l.To])
			o.links = append(o.links, i)
		}
	}
	// Ways round the outside come first, nearest to the boxes; then the rows of the band.
	slices.SortStableFunc(r.lanes, func(a, b *outer) int { return cmp.Compare(min(a.box, 0), min(b.box, 0)) })
	var rows [][]*outer
	row := func(o *outer, least int) int {
		for n := least; ; n++ {
			if n == len(rows) {
				rows = append(rows, nil)
			}
			if !slices.ContainsFunc(rows[n], func(other *outer) bool {
				return o.low <= other.high+1 && other.low <= o.high+1
			}) {
				rows[n] = append(rows[n], o)
				return n
			}
		}
	}
	least := 0
	for _, o := range r.lanes {
		if o.box >= 0 && least == 0 {
			least = len(rows)
		}
		row(o, least)
	}
	at := r.bottom + beside
	for n, all := range rows {
		height := 0.0
		for _, o := range all {
			if o.box >= 0 {
				height = max(height, r.boxes[o.box].Across)
			}
		}
		if height > 0 && n > 0 {
			at += beside - lane
		}
		for _, o := range all {
			o.at = whole(at + height/2)
			if o.box >= 0 {
				o.at = at + r.links[o.links[0]].In
			}
		}
		at += height + lane
		r.across = at - lane
	}
	r.across = max(r.across, r.bottom)
}
