package graph

import (
	"fmt"
	"slices"
)

// Options say what of a Model is drawn, and how.
type Options struct {
	// Depth is 0 for channels, adapters and flows as boxes, 1 for flows with their stages,
	// and 2 for branches and bodies too.
	Depth int
	// Flow draws only the flow of this name and what it reads and sends to; Around only what
	// is at most Hops channels away from this address. "": all.
	Flow, Around string
	Hops         int
	// States draws only the states of the stage of this address. "": no states.
	States string
	// Failures are the ways of what failed: NoFailures, UsedFailures or AllFailures.
	Failures string
	// Conditions draws the expressions of branches.
	Conditions bool
	// Down draws from above to below, and not from left to right.
	Down bool
	// Theme is AutoTheme, LightTheme, DarkTheme or PrintTheme.
	Theme string
	// LinkBase is put before FILE#L12 to make links of nodes. "": there are none.
	LinkBase string
	// Note is said in the picture: when it was so.
	Note string
}

// What of failures is drawn.
const (
	NoFailures   = "none"
	UsedFailures = "used" // what the files name
	AllFailures  = "all"  // also the dead-letter queues that flows have without being told
)

// The themes.
const (
	AutoTheme  = "auto" // as the reader's
	LightTheme = "light"
	DarkTheme  = "dark"
	PrintTheme = "print" // black and white
)

// Limits of what is drawn. Beyond them the depth falls.
const (
	MaxNodes = 2000
	MaxEdges = 5000
)

// View returns the part of a Model that is drawn, and the depth at which it is: a lower one
// than asked for where it would have too many nodes or edges.
func (m *Model) View(o Options) (view *Model, depth int, err error) {
	if view, err = m.near(o); err != nil {
		return nil, 0, err
	}
	if o.States != "" {
		return view, o.Depth, nil
	}
	view = view.stateless()
	view = view.without(o.Failures).twins()
	for depth = min(max(o.Depth, 0), 2); ; depth-- {
		v := view.atDepth(depth)
		if len(v.Nodes) <= MaxNodes && len(v.Edges) <= MaxEdges {
			return v, depth, nil
		}
		if depth == 0 {
			return nil, 0, fmt.Errorf("draw %d nodes and %d edges: at most %d and %d can be drawn; pick some with --flow or --around", len(v.Nodes), len(v.Edges), MaxNodes, MaxEdges)
		}
	}
}

// Part returns the part of a Model that o picks, without anything that only drawings need.
func (m *Model) Part(o Options) (*Model, error) {
	p, err := m.near(o)
	if err != nil || o.States != "" {
		return p, err
	}
	return p.atDepth(o.Depth), nil
}

// pick returns a Model of the nodes and edges that are to stay.
func (m *Model) pick(node func(*Node) bool, edge func(*Edge) bool) *Model {
	p := &Model{V: m.V, Version: m.Version, Nodes: []Node{}, Edges: []Edge{}}
	there := map[string]bool{}
	for _, n := range m.Nodes {
		if node(&n) {
			there[n.ID] = true
			p.Nodes = append(p.Nodes, n)
		}
	}
	for _, e := range m.Edges {
		if there[e.From] && there[e.To] && edge(&e) {
			p.Edges = append(p.Edges, e)
		}
	}
	return p
}

// twinMark ends the ID of a twin.
const twinMark = ":to"

// twins makes two of adapters that are both read and sent to: nothing that is sent to one
// comes back from it.
func (m *Model) twins() *Model {
	index := m.index()
	read, sent := map[string]bool{}, map[string]bool{}
	for _, e := range m.Edges {
		read[e.From], sent[e.To] = true, true
	}
	two := func(id string) bool { return index[id].Kind == KindAdapter && read[id] && sent[id] }
	p := &Model{V: m.V, Version: m.Version, Nodes: []Node{}, Edges: slices.Clone(m.Edges)}
	for _, n := range m.Nodes {
		p.Nodes = append(p.Nodes, n)
		if two(n.ID) {
			n.ID, n.twin = n.ID+twinMark, true
			p.Nodes = append(p.Nodes, n)
		}
	}
	for i, e := range p.Edges {
		if two(e.To) && e.Kind != Reply {
			p.Edges[i].To += twinMark
		}
	}
	return p
}

func (m *Model) without(failures string) *Model {
	if failures == AllFailures {
		return m
	}
	index := m.index()
	return m.pick(func(n *Node) bool { return !n.Implicit }, func(e *Edge) bool {
		return !e.failure() || failures != NoFailures && !index[e.To].Implicit
	})
}

// atDepth leaves out what is deeper; its edges are those of what is around it.
func (m *Model) atDepth(depth int) *Model {
	if depth >= 2 {
		return m
	}
	index := m.index()
	home := func(id string) string {
		for n := index[id]; n != nil && n.In != ""; n = index[id] {
			if around := index[n.In]; depth == 1 && n.stage() && around != nil && around.frame() || n.Kind == KindUnknown {
				break
			}
			id = n.In
		}
		return id
	}
	keep := func(n *Node) bool { return home(n.ID) == n.ID }
	p := m.pick(keep, func(*Edge) bool { return false })
	seen := map[string]bool{}
	for _, e := range m.Edges {
		at := newEdge(home(e.From), home(e.To), e.Kind)
		at.Rate = e.Rate
		if at.From != at.To && !seen[at.ID] {
			seen[at.ID] = true
			p.Edges = append(p.Edges, at)
		}
	}
	for i := range p.Nodes {
		if n := &p.Nodes[i]; n.Kind == KindUnknown {
			n.In = home(n.In)
		}
	}
	return p
}

// near keeps what a flow reads and sends to, or what is so many channels away from an
// address.
func (m *Model) near(o Options) (*Model, error) {
	index := m.index()
	start, hops := o.Flow, 1
	switch {
	case o.States != "":
		return m.states(o.States)
	case o.Flow != "":
		if n := index[o.Flow]; n == nil || !n.frame() {
			return nil, fmt.Errorf("there is no flow %q", o.Flow)
		}
	case o.Around != "":
		if start, hops = o.Around, 2*max(o.Hops, 0)+1; index[start] == nil {
			return nil, fmt.Errorf("nothing has the address %q", o.Around)
		}
		if index[top(index, start)].channel() {
			hops--
		}
	default:
		return m, nil
	}
	next := map[string][]string{}
	for _, e := range m.Edges {
		a, b := top(index, e.From), top(index, e.To)
		next[a], next[b] = append(next[a], b), append(next[b], a)
	}
	there := map[string]bool{top(index, start): true}
	ring := []string{top(index, start)}
	for range hops {
		var outer []string
		for _, id := range ring {
			for _, n := range next[id] {
				if !there[n] {
					there[n] = true
					outer = append(outer, n)
				}
			}
		}
		ring = outer
	}
	return m.pick(func(n *Node) bool { return there[top(index, n.ID)] || n.Kind == KindBroker }, func(*Edge) bool { return true }), nil
}

// top returns the flow around a node, or the node that is in none.
func top(index map[string]*Node, id string) string {
	for n := index[id]; n != nil && n.In != "" && n.Kind != KindUnknown; n = index[id] {
		id = n.In
	}
	return id
}

// brokers reports whether the channels of a Model live on several brokers.
func (m *Model) brokers() bool {
	var names []string
	for i := range m.Nodes {
		if b := m.Nodes[i].Broker; b != "" && !slices.Contains(names, b) {
			names = append(names, b)
		}
	}
	return len(names) > 1
}
