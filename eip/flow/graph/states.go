package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
)

// Kinds of nodes in a stage that goes from state to state, and of the edges between them.
// One that leaves the stage itself is a beginning.
const (
	KindState  = "state"
	KindFinal  = "final"
	Transition = "transition"

	// kindLabel is a transition's label, which has room of its own in a picture.
	kindLabel = "label"
)

// state reports whether the node is a state of a stage.
func (n *Node) state() bool { return n.Kind == KindState || n.Kind == KindFinal }

// states is a Model of the states of a stage.
func (m *Model) states(address string) (*Model, error) {
	var there []string
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.state() && (len(there) == 0 || there[len(there)-1] != n.In) {
			there = append(there, n.In)
		}
	}
	p := m.pick(func(n *Node) bool { return n.ID == address || n.In == address && n.state() }, func(e *Edge) bool { return e.Kind == Transition })
	switch {
	case len(p.Nodes) > 1:
		for i := range p.Nodes {
			p.Nodes[i].In = ""
		}
		return p, nil
	case there == nil:
		return nil, fmt.Errorf("nothing here goes from state to state")
	}
	return nil, fmt.Errorf("%q has no states; these have: %s", address, strings.Join(there, ", "))
}

// stateless is a Model without the states of its stages.
func (m *Model) stateless() *Model {
	return m.pick(func(n *Node) bool { return !n.state() }, func(*Edge) bool { return true })
}

// labelled makes nodes of the labels of edges, but for those that lead to where they come
// from.
func (m *Model) labelled() *Model {
	p := &Model{V: m.V, Version: m.Version, Nodes: slices.Clone(m.Nodes), Edges: []Edge{}}
	index := p.index()
	var labels []Node
	for _, e := range m.Edges {
		switch {
		case e.Label == "":
			p.Edges = append(p.Edges, e)
		case e.From == e.To:
			index[e.From].stays = append(index[e.From].stays, e.Label)
		default:
			labels = append(labels, Node{ID: e.ID, Kind: kindLabel, Name: e.Label})
			p.Edges = append(p.Edges, newEdge(e.From, e.ID, Transition), newEdge(e.ID, e.To, Transition))
		}
	}
	p.Nodes = append(p.Nodes, labels...)
	return p
}

// states adds the states of a stage, and what leads from one to the next. One that nothing
// leaves is a final one.
func (b *builder) states(stage eip.Stage, at string) {
	s, ok := stage.(interface {
		Transitions(way func(from, by, to string))
	})
	if !ok {
		return
	}
	leaves := map[string]bool{}
	s.Transitions(func(from, _, _ string) { leaves[from] = true })
	id := func(state string) string {
		if state == "" {
			return at
		}
		n := Node{ID: at + "." + state, Kind: KindFinal, In: at, Name: state, At: place(b.flow.PlaceOf(at + "." + state))}
		if leaves[state] {
			n.Kind = KindState
		}
		b.node(n)
		return n.ID
	}
	s.Transitions(func(from, by, to string) {
		e := newEdge(id(from), id(to), Transition)
		e.ID, e.Label = e.ID+" "+by, by
		if !b.edges[e.ID] {
			b.edges[e.ID] = true
			b.model.Edges = append(b.model.Edges, e)
		}
	})
}

// textOfStates writes each state with the ways that leave it.
func textOfStates(out *strings.Builder, m *Model, width int) {
	index := m.index()
	for i := range m.Nodes {
		n := &m.Nodes[i]
		title := n.label()
		switch {
		case n.Kind == KindFinal:
			title += " (final)"
		case n.stage():
			title = n.ID
		}
		out.WriteString(title + "\n")
		for _, e := range m.Edges {
			if e.From == n.ID {
				folded(out, []string{e.Label, index[e.To].label()}, width)
			}
		}
	}
}
