package graph

import (
	"math"
	"slices"
)

// widest is how wide a line of stages may be before it goes on below.
const widest = 560.0

// body draws the stages in a flow, a stage or a branch; first is where the first begins.
func (f *framer) body(id string, first float64) row {
	var stages []*Node
	for _, n := range f.inside[id] {
		if n.stage() {
			stages = append(stages, n)
		}
	}
	var ends []string
	for _, k := range f.leaving(id) {
		if passes(k) {
			ends = append(ends, k)
		}
	}
	var pieces []row
	parts := wrap(stages, first)
	for i, part := range parts {
		begin := first
		if i > 0 {
			begin = step
		}
		pieces = append(pieces, f.piece(part, begin, i == len(parts)-1 && len(ends) == 0))
	}
	r := f.pile(pieces)
	switch {
	case len(ends) > 0:
		f.end(&r, id, ends, first)
	case len(stages) == 0:
		r.open = false
	}
	return r
}

// wrap breaks a long line of stages into pieces of about the same length.
func wrap(stages []*Node, first float64) [][]*Node {
	width := first
	for _, n := range stages {
		width += newCell(n).w + step
	}
	count := math.Ceil((width - step) / widest)
	if count <= 1 || len(stages) == 0 { // a branch may have a name that is wider, and lead on at once
		return [][]*Node{stages}
	}
	var pieces [][]*Node
	at, from := first, 0
	for i, n := range stages {
		at += newCell(n).w + step
		if at >= width/count*float64(len(pieces)+1) || i == len(stages)-1 {
			pieces = append(pieces, stages[from:i+1])
			from = i + 1
		}
	}
	return pieces
}

// pile puts the pieces of a line below each other, with the lines that lead from one to the
// next.
func (f *framer) pile(pieces []row) row {
	last := len(pieces) - 1
	y, right := make([]float64, len(pieces)), 0.0
	for i := range pieces[:last] {
		right = max(right, pieces[i].end+dropGap)
		pieces[i].room(f.down)
		y[i+1] = y[i] + pieces[i].down + rowGap + 10 + pieces[i+1].up
	}
	r := row{up: pieces[0].up, down: y[last] + pieces[last].down, end: pieces[last].end, endY: y[last], open: pieces[last].open}
	for i, p := range slices.Backward(pieces) {
		p.move(0, y[i])
		if f.down && i < last {
			right = p.clear(right, y[i])
		}
		right = max(right, p.w)
		if i < last {
			turn, out := y[i]+p.down+rowGap/2+2, p.end+dropGap
			r.lines = append(r.lines, line{points: []point{{p.end, y[i]}, {out, y[i]}, {out, turn}, {0, turn}, {0, y[i+1]}}})
		}
		r.take(p)
	}
	r.w = right
	return r
}

// room makes room for the lines of what leaves a row's stages downwards, where more is below.
func (r *row) room(down bool) {
	for _, e := range r.exits {
		if down && e.y > 0 {
			r.down += dropGap
		}
	}
}

// piece draws stages in one line. last says that nothing follows them.
func (f *framer) piece(stages []*Node, first float64, last bool) row {
	r := row{open: true}
	x := first
	type hanging struct {
		row
		x float64
	}
	var below []hanging
	for i, n := range stages {
		c := newCell(n)
		c.x, c.y = x, -stageHeight/2
		r.up, r.down = max(r.up, -c.y), max(r.down, c.y+c.h)
		r.cells = append(r.cells, c)
		r.lines = append(r.lines, line{points: []point{{r.end, 0}, {x, 0}}, arrow: true})
		r.end = x + c.w
		x = r.end + step
		lanes := f.lanes(n)
		switch {
		case len(lanes) == 0:
			continue
		case last && i == len(stages)-1 && n.Ends && !returning(n):
			sub := f.stack(n, lanes, true)
			sub.move(r.end, 0)
			r.take(sub)
			r.up, r.down = max(r.up, sub.up), max(r.down, sub.down)
			r.end += sub.w
			r.open = false
			continue
		}
		sub := f.stack(n, lanes, false)
		sub.move(c.x+c.w/2, 0)
		sub.w += c.x + c.w/2
		if returning(n) {
			x = max(x, sub.w+2*dropGap)
		} else if f.down && len(sub.cells) > 0 {
			x = max(x, sub.w+dropGap)
		}
		below = append(below, hanging{sub, c.x})
	}
	// What hangs below: the rightmost is nearest, so that no line crosses another.
	base, deepest := r.down, r.down
	for _, h := range slices.Backward(below) {
		sub := h.row
		at := base
		if !f.down && len(sub.exits) > 0 {
			at = deepest
		}
		f.hang(&sub, at)
		deepest = max(deepest, at+sub.down)
		r.take(sub)
		r.w = max(r.w, sub.w)
	}
	r.down = max(r.down, deepest)
	r.w = max(r.w, r.end)
	return r
}

// end has what passes a body leave it at its end.
func (f *framer) end(r *row, id string, kinds []string, first float64) {
	if len(r.cells) == 0 && first > 0 {
		r.lines = append(r.lines, line{points: []point{{0, 0}, {first, 0}}, kind: kinds[0]})
		r.end = first
	}
	r.open = false
	r.w = max(r.w, r.end)
	for _, k := range kinds {
		at := r.end
		if f.down {
			at = r.w + dropGap
			r.w = at
		}
		if at > r.end {
			r.lines = append(r.lines, line{points: []point{{r.end, r.endY}, {at, r.endY}}, kind: k})
		}
		r.exits = append(r.exits, exit{of: id, kind: k, x: at, y: r.endY, dropped: f.down})
	}
}
