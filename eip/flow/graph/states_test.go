package graph_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph"
)

// order has a state that is left for itself, one that is entered from two, and a way back.
const order = `
queue "in" {}
queue "stock" {}
queue "undone" {}
flow "f" {
  from = queue.in
  process_manager "order" {
    key = "body.order"
    on "placed" {
      request "stock" {
        to      = queue.stock
        timeout = "1m"
      }
      undo {
        send { to = queue.undone }
      }
      goto = "reserving"
    }
    state "reserving" {
      on_reply "stock" {
        if   = "body.ok"
        goto = "done"
      }
      on_reply "stock" { goto = "waiting" }
      on_timeout "stock" { undo_to = "lost" }
    }
    state "waiting" {
      on "note" {
        if  = "body.note != nil"
        set = { note = "body.note" }
      }
      otherwise { goto = "reserving" }
      after "1h" { goto = "lost" }
    }
    final "done" {}
    final "lost" {}
  }
}`

// The states of a process have a picture of their own, and are in no other.
func TestStates(t *testing.T) {
	m, o := modelOf(t, order), graph.Options{Depth: 2, States: "f.order"}
	for what, text := range drawings(t, m) {
		if what != "json" && strings.Contains(text, "waiting") {
			t.Errorf("states are in %s: %s", what, text)
		}
	}
	for _, o.Down = range []bool{false, true} {
		var out bytes.Buffer
		if _, err := graph.SVG(&out, m, o); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"↻ on note", `id="f.order.done" class="stage final"`, ">on_reply stock<", "f.order.waiting · state · "} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("the picture has no %s", part)
			}
		}
		g, err := read(&out)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range g.faults() {
			t.Error(fault)
		}
	}
	o.Down = false
	for what, c := range map[string]struct {
		write func(*bytes.Buffer) (string, error)
		want  string
	}{
		"mermaid": {func(b *bytes.Buffer) (string, error) { return graph.Mermaid(b, m, o) }, `flowchart LR
  n1["process manager order"]:::stage
  n2("reserving"):::stage
  n3[["done"]]:::stage
  n4("waiting"):::stage
  n5[["lost"]]:::stage
  n1 -->|"on placed"| n2
  n2 -->|"on_reply stock"| n3
  n2 -->|"on_reply stock"| n4
  n2 -->|"on_timeout stock, undo"| n5
  n4 -->|"on note"| n4
  n4 -->|"after 1h"| n5
  n4 -->|"otherwise"| n2
`},
		"dot": {func(b *bytes.Buffer) (string, error) { return graph.Dot(b, m, o) }, `digraph eipd {
  rankdir=LR; compound=true; fontname="sans-serif"
  node [shape=box style=rounded fontname="sans-serif" fontsize=11]
  "f.order" [label="process manager order"]
  "f.order.reserving" [label="reserving"]
  "f.order.done" [label="done" peripheries=2]
  "f.order.waiting" [label="waiting"]
  "f.order.lost" [label="lost" peripheries=2]
  "f.order" -> "f.order.reserving" [id="f.order>f.order.reserving:transition on placed" fontsize=10 label="on placed"]
`},
		"text": {func(b *bytes.Buffer) (string, error) { return graph.Text(b, m, o, 80) }, `f.order
  on placed ─▶ reserving
reserving
  on_reply stock ─▶ done
  on_reply stock ─▶ waiting
  on_timeout stock, undo ─▶ lost
done (final)
waiting
  on note ─▶ waiting
  after 1h ─▶ lost
  otherwise ─▶ reserving
lost (final)
`},
	} {
		var out bytes.Buffer
		if _, err := c.write(&out); err != nil || !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%s: %v\n%s", what, err, &out)
		}
	}
	if part, err := m.Part(graph.Options{States: "f.order"}); err != nil || len(part.Nodes) != 5 || part.Edges[0].Label != "on placed" {
		t.Errorf("its model is %+v, %v", part, err)
	}
	if _, err := graph.SVG(&bytes.Buffer{}, m, graph.Options{States: "f"}); err == nil || !strings.Contains(err.Error(), "these have: f.order") {
		t.Errorf("the states of a flow: %v", err)
	}
}
