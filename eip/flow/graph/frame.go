package graph

import (
	"cmp"
	"math"
	"slices"
)

// What boxes and lines within a flow keep free, in points.
const (
	stageHeight = 54.0
	stageLeast  = 66.0
	step        = 20.0 // between two stages
	rowGap      = 14.0 // between two rows of stages
	dropGap     = 10.0 // between lines beside each other
	frameSide   = 16.0
	frameTop    = 28.0
	frameBottom = 14.0
	entryInset  = 16.0 // of the line that enters a frame from above
)

// A cell is a stage in a drawing.
type cell struct {
	node       *Node
	x, y, w, h float64
	lines      []string
}

// A line is drawn within a flow.
type line struct {
	points []point
	kind   string // as an edge's; "" of what only passes
	arrow  bool
	off    bool
}

type point struct{ x, y float64 }

// A note is a text within a flow.
type note struct {
	x, y  float64
	text  string
	class string
	title string
}

// An exit is where messages leave what is drawn: of a node, for the edges of one kind.
type exit struct {
	of      string
	kind    string
	x, y    float64
	dropped bool // it goes downwards from there
}

// A row is stages in a line, with all that hangs on them: the line is at y = 0 and begins at
// x = 0.
type row struct {
	w, up, down float64
	cells       []cell
	lines       []line
	notes       []note
	exits       []exit
	open        bool    // messages go on at its end
	end, endY   float64 // where that is
}

// framer draws the insides of flows.
type framer struct {
	inside map[string][]*Node // by what is around them
	leaves map[string][]string
	down   bool // links leave downwards
	conds  bool
}

// leaving are the kinds of edges that leave a node, each once. A reply belongs to its
// request.
func (f *framer) leaving(id string) []string { return f.leaves[id] }

func (r *row) move(dx, dy float64) {
	for i := range r.cells {
		r.cells[i].x += dx
		r.cells[i].y += dy
	}
	for i := range r.lines {
		for k := range r.lines[i].points {
			r.lines[i].points[k].x += dx
			r.lines[i].points[k].y += dy
		}
	}
	for i := range r.notes {
		r.notes[i].x += dx
		r.notes[i].y += dy
	}
	for i := range r.exits {
		r.exits[i].x += dx
		r.exits[i].y += dy
	}
}

// take puts another row's drawing into r, as it stands.
func (r *row) take(o row) {
	r.cells = append(r.cells, o.cells...)
	r.lines = append(r.lines, o.lines...)
	r.notes = append(r.notes, o.notes...)
	r.exits = append(r.exits, o.exits...)
}

// drawn are edges of a kind that may leave a body's end rather than its stage.
func passes(kind string) bool { return kind == Message || kind == Copy }

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
	if count <= 1 {
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

// hang moves what was drawn below a stage to its depth: all but the beginnings of its lines.
func (f *framer) hang(sub *row, top float64) {
	for i := range sub.cells {
		sub.cells[i].y += top
	}
	for i := range sub.notes {
		sub.notes[i].y += top
	}
	for i := range sub.exits {
		sub.exits[i].y += top
	}
	for i, l := range sub.lines {
		for k := range l.points {
			if !math.IsInf(l.points[k].y, 0) {
				sub.lines[i].points[k].y += top
			} else if l.points[k].y > 0 {
				sub.lines[i].points[k].y = 0 // on the stage's own line
			} else {
				sub.lines[i].points[k].y = stageHeight / 2 // at its lower side
			}
		}
	}
}

// Marks of places that do not move when what hangs below a stage finds its depth.
var (
	atLine  = math.Inf(1)
	atStage = math.Inf(-1)
)

// returning reports whether what passes a stage's body goes on behind the stage.
func returning(n *Node) bool { return n.Kind == "detour" || n.Kind == "splitter" }

func newCell(n *Node) cell {
	c := cell{node: n, lines: lines(cmp.Or(n.Name, words(n.Kind)))}
	for _, l := range c.lines {
		c.w = max(c.w, textWidth(l, 12, false)+16)
	}
	if n.Name != "" {
		c.w = max(c.w, textWidth(words(n.Kind), 10, false)+16)
	}
	if n.State != "" {
		c.w = max(c.w, textWidth("("+n.State+")", 10, false)+16)
	}
	c.w = math.Ceil(max(c.w, stageLeast))
	c.w += math.Mod(c.w, 2)
	c.h = stageHeight + 14*float64(len(c.lines)-1)
	return c
}
