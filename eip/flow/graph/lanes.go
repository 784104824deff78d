package graph

import (
	"cmp"
	"slices"
)

// A hung is what hangs on a stage in one place: a body, a branch, or only where something
// leaves.
type hung struct {
	row
	kind string
	bare bool // nothing but an exit
}

// labelSize is how large the names of branches are.
const labelSize = 11.0

// lanes are what hangs on a stage.
func (f *framer) lanes(n *Node) (all []hung) {
	own := false
	for _, in := range f.inside[n.ID] {
		switch {
		case in.stage() && !own:
			own = true
			kind := ""
			if n.Kind == "wire_tap" {
				kind = Copy
			}
			all = append(all, hung{row: f.body(n.ID, step), kind: kind})
		case in.Kind == KindBranch:
			all = append(all, hung{row: f.branch(in)})
		}
	}
	for _, k := range f.leaving(n.ID) {
		if own && passes(k) {
			continue // at the body's end
		}
		leave := hung{row: row{exits: []exit{{of: n.ID, kind: k}}, up: 6, down: 6}, kind: k, bare: true}
		if f.down {
			leave.up, leave.down = 0, 0
		}
		all = append(all, leave)
	}
	return all
}

// branch draws a branch with its name above its line.
func (f *framer) branch(n *Node) row {
	texts := []note{{x: 6, y: -5, text: n.Name, class: "label"}}
	if n.If != "" && f.conds {
		texts = append(texts, note{x: 6, y: 13, text: cut(n.If), class: "quiet", title: n.If})
	} else {
		texts[0].title = n.If
	}
	wide := 0.0
	for _, t := range texts {
		wide = max(wide, textWidth(t.text, labelSize, false))
	}
	r := f.body(n.ID, wide+18)
	r.notes = append(r.notes, texts...)
	r.up, r.down = max(r.up, 18), max(r.down, 6+9*float64(len(texts)-1))
	r.w = max(r.w, wide+12)
	return r
}

// cut shortens a condition.
func cut(text string) string {
	const most = 40
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}

// stack puts what hangs on a stage one below the other: behind the last stage of a body,
// with the first on the stage's own line, or below the stage.
func (f *framer) stack(n *Node, lanes []hung, behind bool) row {
	for i := range lanes[:len(lanes)-1] {
		lanes[i].room(f.down && !lanes[i].bare)
	}
	r := row{}
	if !behind && !(f.down && lanes[0].bare) {
		r.down = 10
	}
	ys := make([]float64, len(lanes))
	for i, l := range lanes {
		if i > 0 || !behind {
			gap := rowGap
			if l.bare {
				gap = 2
			}
			if l.bare && f.down && !behind {
				gap = 0
			}
			ys[i] = r.down + gap + l.up
		}
		r.down = ys[i] + l.down
		r.up = max(r.up, l.up-ys[i])
	}
	right := 0.0
	back := 0.0
	for i, l := range slices.Backward(lanes) {
		x := f.beginning(lanes, i, behind)
		sub := l.row
		sub.move(x, ys[i])
		sub.w += x
		f.join(&sub, l, point{x, ys[i]}, behind, len(lanes))
		if l.open && returning(n) {
			back = max(back, sub.w+dropGap)
		}
		if f.down && i < len(lanes)-1 && !(l.bare && !behind) {
			right = sub.clear(right, ys[i])
		}
		right = max(right, sub.w)
		if n.State == Off {
			for k := range sub.lines {
				sub.lines[k].off = true
			}
		}
		r.take(sub)
	}
	r.w = right
	if back > 0 {
		back = max(back, right+dropGap)
		for i, l := range lanes {
			if l.open {
				end := l.end + f.beginning(lanes, i, behind)
				r.lines = append(r.lines, line{points: []point{{end, ys[i] + l.endY}, {back, ys[i] + l.endY}, {back, atLine}}, off: n.State == Off, arrow: true})
			}
		}
		r.w = back
	}
	return r
}

// beginning is where the line to a lane runs, from the stage.
func (f *framer) beginning(lanes []hung, i int, behind bool) float64 {
	if behind {
		if len(lanes) == 1 {
			return 0
		}
		return dropGap
	}
	kinds, at := 1, 0
	for k := 1; k < len(lanes); k++ {
		if lanes[k].kind != lanes[k-1].kind {
			kinds++
			if k <= i {
				at++
			}
		}
	}
	return float64(kinds-1)*dropGap/2 - float64(at)*dropGap
}

// join draws the line from the stage to where a lane begins.
func (f *framer) join(sub *row, l hung, at point, behind bool, lanes int) {
	switch {
	case behind && lanes > 1:
		sub.lines = append(sub.lines, line{points: []point{{0, 0}, {at.x, 0}, at}, kind: l.kind})
	case behind:
	case l.bare && f.down:
		sub.exits[0].y = 0
		sub.exits[0].dropped = true
		sub.lines = append(sub.lines, line{points: []point{{at.x, atStage}, {at.x, 0}}, kind: l.kind})
	default:
		sub.lines = append(sub.lines, line{points: []point{{at.x, atStage}, at}, kind: l.kind})
	}
	if behind && f.down && l.bare {
		sub.lines = append(sub.lines, line{points: []point{at, {at.x + dropGap, at.y}}, kind: l.kind})
		sub.exits[0].x += dropGap
		sub.exits[0].dropped = true
		sub.w = max(sub.w, sub.exits[0].x)
	}
}

// clear has the exits of a row at y that go downwards pass what is below it on the right, and
// returns how far that is.
func (r *row) clear(right, y float64) float64 {
	slices.SortStableFunc(r.exits, func(a, b exit) int { return cmp.Compare(a.x, b.x) })
	depth, bottom := 0, y
	for _, c := range r.cells {
		bottom = max(bottom, c.y+c.h)
	}
	for _, e := range r.exits {
		bottom = max(bottom, e.y)
		if e.y > y {
			depth++
		}
	}
	for i := range r.exits {
		e := &r.exits[i]
		to := point{max(right+dropGap, e.x), e.y}
		path := []point{{e.x, e.y}}
		if e.y > y {
			to.y = bottom + float64(depth)*dropGap
			depth--
			path = append(path, point{e.x, to.y})
		}
		if to != path[0] {
			r.lines = append(r.lines, line{points: append(path, to), kind: e.kind})
		}
		e.x, e.y = to.x, to.y
		right = to.x
	}
	return right
}
