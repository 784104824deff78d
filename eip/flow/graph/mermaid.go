package graph

import (
	"fmt"
	"io"
	"strings"
)

// maxMermaid is how many edges Mermaid draws at most, with some to spare.
const maxMermaid = 400

// Mermaid writes a Model as a Mermaid flowchart. The note is as that of SVG.
func Mermaid(w io.Writer, m *Model, o Options) (note string, err error) {
	view, _, err := m.View(o)
	if err != nil {
		return "", err
	}
	if len(view.Edges) > maxMermaid && o.Depth > 0 {
		o.Depth = 0
		note = fmt.Sprintf("drawn at depth 0: it has %d edges, and Mermaid draws 500 at most", len(view.Edges))
		if view, _, err = m.View(o); err != nil {
			return "", err
		}
	}
	g := newTree(view)
	var out strings.Builder
	direction := "LR"
	if o.Down {
		direction = "TB"
	}
	fmt.Fprintf(&out, "flowchart %s\n", direction)
	if note != "" {
		fmt.Fprintf(&out, "  %%%% %s\n", note)
	}
	g.each(func(n *Node, pad string, inside bool) {
		switch {
		case inside:
			fmt.Fprintf(&out, "%ssubgraph %s[%s]\n%s  direction LR\n", pad, g.ids[n.ID], quoted(n), pad)
		default:
			left, right := mermaidShape(n)
			fmt.Fprintf(&out, "%s%s%s%s%s:::%s\n", pad, g.ids[n.ID], left, quoted(n), right, mermaidClass(n))
		}
	}, func() { out.WriteString("  end\n") })
	for _, s := range g.steps() {
		fmt.Fprintf(&out, "  %s --> %s\n", g.ids[s[0]], g.ids[s[1]])
	}
	for _, e := range view.Edges {
		if e.Kind == Reply && g.has(e.To, e.From, Request) {
			continue
		}
		arrow := "-->"
		switch e.Kind {
		case Copy, Discard, Reply:
			arrow = "-.->"
		case Request:
			arrow = "-->"
			if g.has(e.To, e.From, Reply) {
				arrow = "<-->"
			}
		case DeadLetter, Invalid, Expired:
			arrow = "-. " + words(e.Kind) + " .->"
		case Transition:
			arrow = "-->|" + mermaidQuoted(e.Label) + "|"
		}
		fmt.Fprintf(&out, "  %s %s %s\n", g.ids[g.source(e.From)], arrow, g.ids[g.target(e.To)])
	}
	out.WriteString("  classDef stage fill:#dbe7fb,stroke:#3d68b5,color:#1f2933\n  classDef channel fill:#fdf0d5,stroke:#a86f0d,color:#1f2933\n" +
		"  classDef adapter fill:#dff3e4,stroke:#2f8450,color:#1f2933\n  classDef off fill:#f4f7fc,stroke:#5a6877,stroke-dasharray:4 3,color:#1f2933\n")
	_, err = io.WriteString(w, out.String())
	return note, err
}

func mermaidShape(n *Node) (left, right string) {
	switch {
	case n.channel():
		return "([", "])"
	case n.Kind == KindUnknown:
		return "{", "}"
	case n.Kind == KindBranch:
		return ">", "]"
	case n.Kind == KindState:
		return "(", ")"
	case n.Kind == KindFinal:
		return "[[", "]]"
	}
	return "[", "]"
}

func mermaidClass(n *Node) string {
	switch {
	case n.State == Off:
		return "off"
	case n.channel():
		return "channel"
	case n.Kind == KindAdapter:
		return "adapter"
	}
	return "stage"
}

// quoted is a node's label for Mermaid, which reads entities with # in it.
func quoted(n *Node) string {
	label := n.label()
	if n.State != "" {
		label += " (" + n.State + ")"
	}
	return mermaidQuoted(label)
}

func mermaidQuoted(text string) string {
	var out strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\"&<>#;`\\[]{}()|*_~", r) && r != '_' || r < ' ' || r >= 0x7f && r < 0xa0 {
			fmt.Fprintf(&out, "#%d;", r)
			continue
		}
		out.WriteRune(r)
	}
	return `"` + out.String() + `"`
}
