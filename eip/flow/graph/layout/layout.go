// Package layout places boxes that are linked, rank by rank, and routes the links between
// them at right angles and past all boxes. It knows two directions only: along, in which
// links lead from one rank to the next, and across. Nothing in it depends on chance: the
// same input gives the same result everywhere.
package layout

import (
	"cmp"
	"slices"
)

// A Box is something to place. Lengths are in whole points.
type Box struct {
	Along, Across float64
}

// A Link leads from one box to another.
type Link struct {
	From, To int // of the boxes
	// Out is where it leaves the far side of From, and In where it enters the near side of
	// To, from the beginning of that side.
	Out, In float64
	// Lean is how much of In the link does not ask to be straight for: its last bend is drawn
	// anyway.
	Lean float64
	// Weight is how much it wants to be short; 1 or more.
	Weight int
	// Aside is a link that takes no part in ranking: a box that has no others stands in a
	// band at the end of what it hangs together with.
	Aside bool
}

// A Point is a place in the drawing.
type Point struct{ Along, Across float64 }

// A Layout says where the boxes begin, and by which corners each link goes, its ends
// included. Boxes and Links are as in what was placed. Round are the links that lead back,
// and go round the outside.
type Layout struct {
	Boxes         []Point
	Links         [][]Point
	Round         []bool
	Along, Across float64 // of all
}

// What is kept free, in points.
const (
	between = 26 // boxes of a rank
	beside  = 14 // a link and a box that it passes
	lane    = 8  // links beside each other
	margin  = 18 // a rank and the first link that runs across
)

// Place places boxes. Where several orders are as good as each other it keeps that in which
// they are given.
func Place(boxes []Box, links []Link) *Layout {
	all := &Layout{Boxes: make([]Point, len(boxes)), Links: make([][]Point, len(links)), Round: make([]bool, len(links))}
	var parts []*part
	for _, p := range split(boxes, links) {
		p.place()
		parts = append(parts, p)
	}
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(b.along*b.across, a.along*a.across) })
	all.pack(parts)
	return all
}

// pack puts the parts below one another; what is small beside each other.
func (l *Layout) pack(parts []*part) {
	const space = 2 * between
	width := 0.0
	for _, p := range parts {
		width = max(width, p.along)
	}
	var at Point
	depth := 0.0
	for _, p := range parts {
		if at.Along > 0 && at.Along+p.along > width {
			at = Point{0, at.Across + depth + space}
			depth = 0
		}
		for i, box := range p.of {
			l.Boxes[box] = at.plus(p.at[i])
		}
		for i, link := range p.linkOf {
			l.Round[link] = p.back[i]
			for _, corner := range p.paths[i] {
				l.Links[link] = append(l.Links[link], at.plus(corner))
			}
		}
		l.Along, l.Across = max(l.Along, at.Along+p.along), max(l.Across, at.Across+p.across)
		depth = max(depth, p.across)
		at.Along += p.along + space
	}
}

func (p Point) plus(o Point) Point { return Point{p.Along + o.Along, p.Across + o.Across} }

// A part is boxes that hang together.
type part struct {
	boxes  []Box
	links  []Link
	of     []int // the number of each box among all
	linkOf []int

	rank  []int  // of the boxes
	band  []bool // boxes that have links aside only
	back  []bool // links that go round the outside
	ranks int

	vertices []vertex
	vertexOf []int   // of the boxes; -1: of the band
	layers   [][]int // the vertices of each rank, in their order
	segments []segment
	chains   [][]int // the segments of each link

	at            []Point
	paths         [][]Point
	along, across float64
}

// A vertex is a box, or a place where a link passes a rank.
type vertex struct {
	box    int // -1: none
	rank   int
	place  int // in its layer
	size   float64
	at     float64 // across
	before []int   // segments that end there
	after  []int   // segments that begin there
}

// A segment is a link between two neighbouring ranks.
type segment struct {
	from, to int // vertices
	out, in  float64
	lean     float64
	weight   int
}

// split finds the boxes that hang together, in the order of the first of each.
func split(boxes []Box, links []Link) (parts []*part) {
	root := make([]int, len(boxes))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, l := range links {
		a, b := find(l.From), find(l.To)
		root[max(a, b)] = min(a, b)
	}
	of, number := map[int]*part{}, make([]int, len(boxes))
	for i, b := range boxes {
		p := of[find(i)]
		if p == nil {
			p = &part{}
			of[find(i)] = p
			parts = append(parts, p)
		}
		number[i] = len(p.boxes)
		p.boxes, p.of = append(p.boxes, b), append(p.of, i)
	}
	for i, l := range links {
		p := of[find(l.From)]
		l.From, l.To, l.Weight = number[l.From], number[l.To], max(1, l.Weight)
		p.links, p.linkOf = append(p.links, l), append(p.linkOf, i)
	}
	return parts
}

func (p *part) place() {
	p.setBand()
	p.setRanks()
	p.build()
	p.order()
	p.setAcross()
	p.route()
}

// build makes the vertices and segments of the ranks.
func (p *part) build() {
	p.layers = make([][]int, p.ranks)
	add := func(box, rank int, size float64) int {
		p.vertices = append(p.vertices, vertex{box: box, rank: rank, size: size})
		return len(p.vertices) - 1
	}
	p.vertexOf = make([]int, len(p.boxes))
	for i, b := range p.boxes {
		p.vertexOf[i] = -1
		if !p.band[i] {
			p.vertexOf[i] = add(i, p.rank[i], b.Across)
		}
	}
	p.chains = make([][]int, len(p.links))
	ways := map[way]int{}
	for i, l := range p.links {
		if !p.ranked(i) {
			continue
		}
		from, to, out := p.vertexOf[l.From], p.vertexOf[l.To], l.Out
		w := way{i, l.To, l.In, l.Weight, l.Aside, p.rank[l.From] + 1}
		if p.rank[l.To]-w.rank >= long {
			w.link = -1
		}
		for joins := false; w.rank < p.rank[l.To] && !joins; w.rank++ {
			var next int
			if next, joins = ways[w]; !joins {
				next = add(-1, w.rank, 0)
				ways[w] = next
			}
			p.segment(i, segment{from: from, to: next, out: out})
			for from, out = next, 0; joins && from != to; { // it goes on as the other does
				s := p.vertices[from].after[0]
				p.chains[i] = append(p.chains[i], s)
				from = p.segments[s].to
			}
		}
		if from != to {
			p.segment(i, segment{from: from, to: to, out: out, in: l.In, lean: l.Lean})
		}
	}
	p.sortFirst()
}

// long is how many ranks a link passes that is bundled with others.
const long = 6

// A way is where a link passes a rank: that of its own, or of all long links to one place.
type way struct {
	link   int // -1: a long one
	to     int // a box
	in     float64
	weight int
	aside  bool
	rank   int
}

func (p *part) segment(link int, s segment) {
	s.weight = p.links[link].Weight
	n := len(p.segments)
	p.segments = append(p.segments, s)
	p.chains[link] = append(p.chains[link], n)
	p.vertices[s.from].after = append(p.vertices[s.from].after, n)
	p.vertices[s.to].before = append(p.vertices[s.to].before, n)
}
