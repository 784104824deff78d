package graph

import "fmt"

// A tree is a Model by what is in what, for formats that nest.
type tree struct {
	model  *Model
	index  map[string]*Node
	inside map[string][]*Node
	ids    map[string]string // short ones, that every format takes
	edges  map[string]bool
}

func newTree(m *Model) *tree {
	t := &tree{model: m, index: m.index(), inside: map[string][]*Node{}, ids: map[string]string{}, edges: map[string]bool{}}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		in := n.In
		if n.Kind == KindUnknown {
			in = ""
		}
		if n.Kind != KindBroker {
			t.inside[in] = append(t.inside[in], n)
			t.ids[n.ID] = fmt.Sprintf("n%d", i+1)
		}
	}
	for _, e := range m.Edges {
		t.edges[e.ID] = true
	}
	return t
}

func (t *tree) has(from, to, kind string) bool { return t.edges[newEdge(from, to, kind).ID] }

// each calls node for each node with what its line begins with, and end behind all that is in
// a flow.
func (t *tree) each(node func(n *Node, pad string, inside bool), end func()) {
	for _, n := range t.inside[""] {
		inside := n.frame() && len(t.inside[n.ID]) > 0
		node(n, "  ", inside)
		if inside {
			t.flat(n.ID, node)
			end()
		}
	}
}

// flat calls node for all that is in a flow, however deep.
func (t *tree) flat(in string, node func(*Node, string, bool)) {
	for _, n := range t.inside[in] {
		if n.Kind != KindInterceptor {
			node(n, "    ", false)
		}
		t.flat(n.ID, node)
	}
}

// source is what an edge of a flow or a body leaves: its last stage, where it has one.
func (t *tree) source(id string) string {
	n := t.index[id]
	if n == nil {
		return id
	}
	if own := t.stages(id); len(own) > 0 && (n.frame() || n.Kind == KindBranch || n.Kind == "wire_tap" || n.Kind == "detour") {
		return own[len(own)-1].ID
	}
	return id
}

func (t *tree) stages(in string) (all []*Node) {
	for _, n := range t.inside[in] {
		if n.stage() {
			all = append(all, n)
		}
	}
	return all
}

// steps are the ways within flows, from one stage to the next and into bodies.
func (t *tree) steps() (all [][2]string) {
	for i := range t.model.Nodes {
		n := &t.model.Nodes[i]
		if n.Kind == KindBranch {
			all = append(all, [2]string{n.In, n.ID})
		}
		own := t.stages(n.ID)
		if len(own) > 0 && !n.frame() && n.Kind != KindInterceptor {
			all = append(all, [2]string{n.ID, own[0].ID})
		}
		for k := 1; k < len(own); k++ {
			all = append(all, [2]string{own[k-1].ID, own[k].ID})
		}
	}
	return all
}

// target is what an edge to a flow enters: its first stage, where it has one.
func (t *tree) target(id string) string {
	if n := t.index[id]; n != nil && n.frame() {
		if own := t.stages(id); len(own) > 0 {
			return own[0].ID
		}
	}
	return id
}

// label is what a node is called in a drawing.
func (n *Node) label() string {
	switch {
	case n.Kind == KindUnknown:
		return "?"
	case n.Kind == KindAdapter:
		return n.Adapter + " " + n.Name
	case n.Kind == KindQueue || n.Kind == KindTopic:
		return n.ID
	case n.stage() && n.Name != "":
		return words(n.Kind) + " " + n.Name
	case n.Kind == KindService:
		return "service " + n.Name
	}
	return n.name()
}
