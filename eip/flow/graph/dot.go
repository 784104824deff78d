package graph

import (
	"fmt"
	"io"
	"strings"
)

// Dot writes a Model for Graphviz: each flow is a cluster, and IDs are those of the Model.
func Dot(w io.Writer, m *Model, o Options) (note string, err error) {
	view, _, err := m.View(o)
	if err != nil {
		return "", err
	}
	t := newTree(view)
	var out strings.Builder
	direction := "LR"
	if o.Down {
		direction = "TB"
	}
	fmt.Fprintf(&out, "digraph eipd {\n  rankdir=%s; compound=true; fontname=\"sans-serif\"\n  node [shape=box style=rounded fontname=\"sans-serif\" fontsize=11]\n", direction)
	t.each(func(n *Node, pad string, inside bool) {
		if inside {
			fmt.Fprintf(&out, "%ssubgraph %s { label=%s\n", pad, dotQuoted("cluster "+n.ID), dotQuoted(n.label()))
			return
		}
		fmt.Fprintf(&out, "%s%s [label=%s%s]\n", pad, dotQuoted(n.ID), dotQuoted(n.label()), dotLook(n))
	}, func() { out.WriteString("  }\n") })
	for _, s := range t.steps() {
		fmt.Fprintf(&out, "  %s -> %s [weight=8]\n", dotQuoted(s[0]), dotQuoted(s[1]))
	}
	for _, e := range view.Edges {
		if e.Kind == Reply && t.has(e.To, e.From, Request) {
			continue
		}
		look := ""
		switch e.Kind {
		case Copy:
			look = " style=dotted"
		case Discard:
			look = " style=dashed"
		case Transition:
			look = " fontsize=10 label=" + dotQuoted(e.Label)
		case Request:
			if t.has(e.To, e.From, Reply) {
				look = " dir=both arrowhead=vee arrowtail=vee"
			}
		case DeadLetter, Invalid, Expired:
			look = " style=dashed color=red constraint=false"
		}
		fmt.Fprintf(&out, "  %s -> %s [id=%s%s]\n", dotQuoted(t.source(e.From)), dotQuoted(t.target(e.To)), dotQuoted(e.ID), look)
	}
	out.WriteString("}\n")
	_, err = io.WriteString(w, out.String())
	return "", err
}

func dotLook(n *Node) string {
	switch {
	case n.State == Off:
		return ` style="rounded,dashed"`
	case n.Kind == KindUnknown:
		return " shape=diamond"
	case n.channel():
		return " shape=cds"
	case n.Kind == KindAdapter:
		return " shape=component"
	case n.Kind == KindBranch:
		return " shape=plaintext"
	case n.Kind == KindFinal:
		return " peripheries=2"
	}
	return ""
}

func dotQuoted(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
