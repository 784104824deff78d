package graph

import (
	"cmp"
	"math"
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

// returning reports whether what passes a stage's bodies goes on behind the stage.
func returning(n *Node) bool { return !n.Ends && n.Kind != "wire_tap" && n.Kind != "smart_proxy" }

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
