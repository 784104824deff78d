package graph

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text writes a Model for a terminal: each flow with what it reads, its stages and what it
// sends to, in lines of at most width letters; what leaves within a flow stands below it.
func Text(w io.Writer, m *Model, o Options, width int) (note string, err error) {
	o.Depth = min(o.Depth, 1)
	view, _, err := m.View(o)
	if err != nil {
		return "", err
	}
	t := newTree(view)
	var out strings.Builder
	if o.States != "" {
		textOfStates(&out, view, width)
	}
	for i := range view.Nodes {
		n := &view.Nodes[i]
		if !n.frame() {
			continue
		}
		title := n.label()
		if n.State != "" {
			title += " (" + n.State + ")"
		}
		out.WriteString(title + "\n")
		steps := []string{strings.Join(t.texts(view, func(e *Edge) (string, bool) { return e.From, e.To == n.ID && e.Kind != Reply }), ", ")}
		for _, s := range t.stages(n.ID) {
			label := s.label()
			if s.State != "" {
				label += " (" + s.State + ")"
			}
			steps = append(steps, "["+label+"]")
		}
		if to := t.texts(view, func(e *Edge) (string, bool) { return e.To, e.From == n.ID && passes(e.Kind) }); to != nil {
			steps = append(steps, strings.Join(to, ", "))
		}
		folded(&out, slices.DeleteFunc(steps, func(s string) bool { return s == "" }), width)
		for _, s := range t.stages(n.ID) {
			for _, kind := range []string{Message, Copy, Request, Reply, Discard, DeadLetter, Invalid} {
				t.aside(&out, view, s, "["+s.label()+"]", kind, width)
			}
		}
		for _, kind := range []string{DeadLetter, Invalid} {
			t.aside(&out, view, n, "failed", kind, width)
		}
	}
	_, err = io.WriteString(w, out.String())
	return "", err
}

// aside writes where something leaves within a flow.
func (t *tree) aside(out *strings.Builder, m *Model, of *Node, label, kind string, width int) {
	to := t.texts(m, func(e *Edge) (string, bool) {
		if kind == Reply && t.has(of.ID, e.From, Request) {
			return "", false
		}
		if kind == Reply {
			return e.From, e.To == of.ID && e.Kind == kind
		}
		return e.To, e.From == of.ID && e.Kind == kind
	})
	if to == nil {
		return
	}
	step := words(kind) + " "
	if kind == Message {
		step = ""
	}
	folded(out, []string{"  " + label, step + strings.Join(to, ", ")}, width)
}

// texts are the nodes at the other ends of edges.
func (t *tree) texts(m *Model, end func(*Edge) (id string, ok bool)) (all []string) {
	for i := range m.Edges {
		id, ok := end(&m.Edges[i])
		if !ok {
			continue
		}
		n := t.index[id]
		id = n.address()
		if n.Kind == KindUnknown {
			id = "one of " + strings.Join(n.May, ", ")
		}
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// folded writes steps with arrows between them, and goes on in a further line where they
// are too wide.
func folded(out *strings.Builder, steps []string, width int) {
	line := "  "
	for i, s := range steps {
		if i > 0 {
			s = "─▶ " + s
		}
		switch {
		case i == 0:
			line += s
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(s) > width:
			out.WriteString(line + "\n")
			line = "    " + s
		default:
			line += " " + s
		}
	}
	out.WriteString(line + "\n")
}
