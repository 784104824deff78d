package main

import (
	"context"
	"strings"

	"github.com/eipd/eipd/eip/flow/graph"
	"github.com/eipd/eipd/internal/visible"
)

// textView is a text that is only read: a letter, what became of its replay, a graph.
type textView struct {
	place
	name, keys string
	text       func(width int) string
	do         func(*live, key) work // nil: nothing
}

func newTextView(name string, text func(width int) string) *textView {
	return &textView{place: place{at: -1, read: true}, name: name, text: text}
}

func (v *textView) title() string { return v.name }

func (v *textView) help() string { return "↑↓ read  " + v.keys + "esc back  q quit" }

func (v *textView) lines(width int) (string, []string) {
	lines := strings.Split(strings.TrimRight(v.text(width), "\n"), "\n")
	for i, line := range lines {
		lines[i] = cut(visible.Line(strings.ReplaceAll(line, "\t", "  ")), width)
	}
	return "", lines
}

func (v *textView) key(l *live, k key) work {
	if v.do == nil {
		return nil
	}
	return v.do(l, k)
}

// openGraph shows what a flow reads, does and sends to.
func (l *live) openGraph(flow string) work {
	l.note = "the graph of " + flow + " …"
	return func(ctx context.Context) func() {
		m, _, err := l.top.model(ctx, l.asked)
		return func() {
			if l.note = ""; err != nil {
				l.note = flat(err)
				return
			}
			l.open(newTextView("graph of "+flow, func(width int) string {
				var out strings.Builder
				if _, err := graph.Text(&out, m, graph.Options{Depth: 1, Flow: flow, Failures: graph.AllFailures}, width); err != nil {
					return err.Error()
				}
				return out.String()
			}))
		}
	}
}
