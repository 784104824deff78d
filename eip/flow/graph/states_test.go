package graph_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph"
)

// ordersStates is a Model of a stage that goes from state to state.
func ordersStates() *graph.Model {
	const at = "orders.order"
	m := &graph.Model{V: 1, Nodes: []graph.Node{
		{ID: "queue.in", Kind: graph.KindQueue},
		{ID: "orders", Kind: graph.KindFlow, Name: "orders"},
		{ID: at, Kind: "process_manager", In: "orders", Name: "order", Order: 1, Pattern: "Process Manager"},
	}, Edges: []graph.Edge{{ID: "queue.in>orders", From: "queue.in", To: "orders", Kind: graph.Message}}}
	for _, s := range []string{"reserving", "paying", "shipping"} {
		m.Nodes = append(m.Nodes, graph.Node{ID: at + "." + s, Kind: graph.KindState, In: at, Name: s})
	}
	for _, s := range []string{"done", "cancelled"} {
		m.Nodes = append(m.Nodes, graph.Node{ID: at + "." + s, Kind: graph.KindFinal, In: at, Name: s})
	}
	for _, t := range [][3]string{
		{"", "placed", "reserving"}, {"reserving", "reply stock", "paying"}, {"reserving", "otherwise", "cancelled"}, {"reserving", "after 30s", "cancelled"},
		{"paying", "reply payment", "shipping"}, {"paying", "timeout payment", "cancelled"}, {"paying", "reply payment: again", "reserving"},
		{"shipping", "note", "shipping"}, {"shipping", "shipped", "done"},
	} {
		from := at
		if t[0] != "" {
			from += "." + t[0]
		}
		m.Edges = append(m.Edges, graph.Edge{ID: from + ">" + at + "." + t[2] + ":" + t[1], From: from, To: at + "." + t[2], Kind: graph.Transition, Label: t[1]})
	}
	return m
}

func TestStates(t *testing.T) {
	m := ordersStates()
	for what, text := range drawings(t, m) {
		if what != "json" && strings.Contains(text, "paying") {
			t.Errorf("states are in %s, which did not ask for them: %s", what, text)
		}
	}
	for _, down := range []bool{false, true} {
		var out bytes.Buffer
		if _, err := graph.SVG(&out, m, graph.Options{States: "orders.order", Down: down}); err != nil {
			t.Fatal(err)
		}
		os.WriteFile("/tmp/states"+map[bool]string{true: "d", false: "r"}[down]+".svg", out.Bytes(), 0o644)
		g, err := read(&out)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range g.faults() {
			t.Error(fault)
		}
	}
	var out strings.Builder
	graph.Mermaid(&out, m, graph.Options{States: "orders.order", Depth: 2})
	graph.Dot(&out, m, graph.Options{States: "orders.order", Depth: 2})
	graph.Text(&out, m, graph.Options{States: "orders.order", Depth: 2}, 80)
	t.Log(out.String())
}
