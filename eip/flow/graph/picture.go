package graph

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip/flow/graph/layout"
)

// A picture is a Model whose parts have their places.
type picture struct {
	model  *Model
	o      Options
	index  map[string]*Node
	boxes  []*box
	of     map[string]int // the box of a node that is in none
	wires  []wire
	w, h   float64
	places *layout.Layout
}

// A box is a flow, a channel or an adapter.
type box struct {
	node       *Node
	frame      *frame // of a flow
	lines      []string
	quiet      string  // below its lines
	text       float64 // where its first line stands
	x, y, w, h float64
}

// A wire is an edge between two boxes, with its reply where it has one.
type wire struct {
	edge   *Edge
	reply  *Edge
	round  bool // it leads back
	points []point
}

// margins around the picture.
const pictureMargin = 12.0

// draw gives the parts of a Model, which is not empty, their places.
func draw(m *Model, o Options) *picture {
	p := &picture{model: m, o: o, index: m.index(), of: map[string]int{}}
	f := &framer{inside: map[string][]*Node{}, leaves: map[string][]string{}, down: o.Down, conds: o.Conditions}
	paired := p.pair(f)
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.In != "" && n.Kind != KindUnknown {
			f.inside[n.In] = append(f.inside[n.In], n)
		}
	}
	many := m.brokers()
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.In != "" && n.Kind != KindUnknown || n.Kind == KindBroker {
			continue
		}
		p.of[n.ID] = len(p.boxes)
		b := &box{node: n}
		if n.frame() {
			b.frame = f.frame(n)
			b.w, b.h = b.frame.w, b.frame.h
		} else {
			b.measure(many)
		}
		p.boxes = append(p.boxes, b)
	}
	p.place(paired)
	return p
}

// pair finds the edges that are drawn, each with the reply that belongs to it, and tells
// what leaves which node.
func (p *picture) pair(f *framer) (wires []wire) {
	request := map[string]int{}
	for i := range p.model.Edges {
		e := &p.model.Edges[i]
		from := e.From
		if e.Kind == Reply {
			from = e.To
			if w, ok := request[e.To+">"+e.From]; ok {
				wires[w].reply = e
				continue
			}
		}
		if e.Kind == Request {
			request[e.From+">"+e.To] = len(wires)
		}
		if !slices.Contains(f.leaves[from], e.Kind) {
			f.leaves[from] = append(f.leaves[from], e.Kind)
		}
		wires = append(wires, wire{edge: e})
	}
	return wires
}

const iconRoom = 24.0

// measure gives a channel or an adapter its size.
func (b *box) measure(brokers bool) {
	n := b.node
	switch {
	case n.Kind == KindUnknown:
		b.lines = []string{"?"}
	case n.Kind == KindAdapter:
		b.lines = lines(n.Name)
		b.quiet = n.Adapter
	case n.state(), n.stage(), n.Kind == kindLabel:
		b.lines = lines(n.name())
	default:
		b.lines = lines(n.ID)
		if n.Kind == KindSubscription {
			b.lines = lines(n.Name)
			b.quiet = "subscription"
		}
		if brokers && n.Broker != "" {
			b.quiet = n.Broker
		}
	}
	if n.stays != nil {
		b.quiet = "↻ " + strings.Join(n.stays, ", ")
	}
	if doing := n.doing(); doing != "" && n.channel() {
		if b.quiet != "" {
			doing = b.quiet + ", " + doing
		}
		b.quiet = doing
	}
	for _, l := range b.lines {
		b.w = max(b.w, textWidth(l, 12, false))
	}
	if b.quiet != "" {
		b.w = max(b.w, textWidth(b.quiet, 10, false))
	}
	b.h, b.text = 16*float64(len(b.lines))+16, 20
	if n.Kind == kindLabel {
		b.h, b.text = b.h-10, 15
	}
	if b.quiet != "" {
		b.h += 12
	}
	b.w = math.Ceil(b.w) + 26
	if n.icon() {
		b.w += iconRoom
	}
	if n.Kind == KindUnknown {
		b.w, b.h = 36, 36
	}
	b.w += math.Mod(b.w, 2)
}

// place lays the boxes out.
func (p *picture) place(wires []wire) {
	boxes := make([]layout.Box, len(p.boxes))
	for i, b := range p.boxes {
		boxes[i] = layout.Box{Along: b.w, Across: b.h}
		if p.o.Down {
			boxes[i] = layout.Box{Along: b.h, Across: b.w}
		}
	}
	var links []layout.Link
	for _, w := range wires {
		from, to := w.edge.From, w.edge.To
		if w.edge.Kind == Reply {
			from, to = to, from
		}
		a, okA := p.of[top(p.index, from)]
		b, okB := p.of[top(p.index, to)]
		if !okA || !okB {
			continue
		}
		l := layout.Link{From: a, To: b, Out: p.out(a, from, w.edge.Kind), In: p.in(b), Weight: weight(w.edge), Aside: w.edge.failure()}
		if f := p.boxes[b].frame; f != nil && p.o.Down {
			l.Lean = p.middle(p.boxes[b]) - l.In
		}
		links = append(links, l)
		p.wires = append(p.wires, w)
	}
	p.places = layout.Place(boxes, links)
	turn := func(at layout.Point) point {
		if p.o.Down {
			return point{at.Across + pictureMargin, at.Along + pictureMargin}
		}
		return point{at.Along + pictureMargin, at.Across + pictureMargin}
	}
	for i, at := range p.places.Boxes {
		t := turn(at)
		p.boxes[i].x, p.boxes[i].y = t.x, t.y
	}
	for i, path := range p.places.Links {
		p.wires[i].round = p.places.Round[i]
		for _, at := range path {
			p.wires[i].points = append(p.wires[i].points, turn(at))
		}
	}
	size := turn(layout.Point{Along: p.places.Along, Across: p.places.Across})
	p.w, p.h = size.x+pictureMargin, size.y+pictureMargin
}

// weight is how much an edge wants to be short.
func weight(e *Edge) int {
	switch e.Kind {
	case Message, Request:
		return 4
	}
	return 1
}

// out is where what leaves a node leaves its box.
func (p *picture) out(b int, of, kind string) float64 {
	x := p.boxes[b]
	if x.frame != nil {
		for _, e := range x.frame.exits {
			if e.of == of && e.kind == kind {
				if p.o.Down {
					return e.x
				}
				return e.y
			}
		}
	}
	return p.middle(x)
}

// in is where what leads to a box enters it.
func (p *picture) in(b int) float64 {
	if f := p.boxes[b].frame; f != nil {
		return f.in
	}
	return p.middle(p.boxes[b])
}

func (p *picture) middle(b *box) float64 {
	if p.o.Down {
		return math.Round(b.w / 2)
	}
	return math.Round(b.h / 2)
}

// name is what a node is called in words.
func (n *Node) name() string { return cmp.Or(n.Name, words(n.Kind)) }
