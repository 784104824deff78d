package graph

import (
	"fmt"
	"math"
)

// A frame is a flow as it is drawn: a box with its stages in it.
type frame struct {
	node  *Node
	w, h  float64
	title string
	note  string // on the right of its title
	row
	in float64 // where its messages enter, from the beginning of that side
}

// frame draws a flow.
func (f *framer) frame(n *Node) *frame {
	fr := &frame{node: n, title: n.Name}
	if n.Kind == KindService {
		fr.note = "service"
	}
	if n.Concurrency > 1 {
		fr.note += fmt.Sprintf(" ×%d", n.Concurrency)
	}
	if n.State != "" {
		fr.note += " (" + n.State + ")"
	}
	if doing := n.doing(); doing != "" {
		fr.note += " " + doing
	}
	head := textWidth(fr.title, 12, true) + 2*frameSide
	if fr.note != "" {
		head += textWidth(fr.note, 11, false) + 12
	}
	left := frameSide
	if f.down {
		left, head = entryInset, head+entryInset
	}
	first := left
	if f.down {
		first = step
	}
	fr.row = f.body(n.ID, first)
	if f.down {
		fr.move(left, 0)
		fr.row.w += left
	}
	plain := len(fr.cells) == 0
	for _, in := range f.inside[n.ID] {
		if in.Kind == KindInterceptor {
			f.interceptor(fr, in, left)
		}
	}
	for _, k := range f.leaving(n.ID) {
		if passes(k) {
			continue
		}
		e := exit{of: n.ID, kind: k, x: fr.row.w, y: 0} // of what failed
		fr.exits = append(fr.exits, e)
	}
	fr.w = math.Ceil(max(fr.row.w+frameSide, head, 96))
	if plain {
		fr.lines = nil
		fr.up, fr.down = 0, 0
		fr.h = 40
	}
	top := frameTop + fr.up
	if plain {
		top = 20
	} else {
		fr.h = math.Ceil(top + fr.down + frameBottom)
	}
	fr.move(0, top)
	fr.in = math.Round(top)
	if f.down {
		fr.in = entryInset
		if plain {
			fr.in = math.Round(fr.w / 2)
		} else {
			fr.lines = append(fr.lines, line{points: []point{{entryInset, 0}, {entryInset, top}}})
		}
	}
	f.leave(fr, plain)
	return fr
}

// leave has what leaves the flow reach its far side.
func (f *framer) leave(fr *frame, plain bool) {
	failures := 0
	for i := range fr.exits {
		e := &fr.exits[i]
		from := point{e.x, e.y}
		switch failed := e.kind == DeadLetter || e.kind == Invalid; {
		case failed && f.down:
			failures++
			e.x, e.y = fr.w-float64(failures)*dropGap, fr.h
			if plain {
				e.x = fr.w/2 + float64(failures)*dropGap
			}
			continue
		case failed:
			failures++
			e.x, e.y = fr.w, fr.h-float64(failures)*6
			continue
		case plain && f.down:
			e.x, e.y = math.Round(fr.w/2), fr.h
			continue
		case plain:
			e.x, e.y = fr.w, 20
			continue
		case f.down:
			e.y = fr.h
		default:
			e.x = fr.w
		}
		e.x, e.y = math.Round(e.x), math.Round(e.y)
		fr.lines = append(fr.lines, line{points: []point{from, {e.x, e.y}}, kind: e.kind})
	}
}

// interceptor draws stages that messages pass when they are sent, below all others.
func (f *framer) interceptor(fr *frame, n *Node, left float64) {
	r := f.body(n.ID, step)
	r.notes = append(r.notes, note{x: step, y: -r.up - 6, text: n.Name + ": before what is sent", class: "label"})
	r.w = max(r.w, textWidth(n.Name+": before what is sent", labelSize, false)+step)
	r.lines = r.lines[1:] // nothing leads there
	if f.down {
		fr.room(true)
		fr.row.w = max(fr.row.w, fr.clear(r.w+left, 0))
	}
	y := fr.down + rowGap + r.up + 16
	r.move(left, y)
	fr.take(r)
	fr.row.w = max(fr.row.w, r.w+left)
	fr.down = y + r.down
}
