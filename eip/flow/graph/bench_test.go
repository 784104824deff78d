package graph_test

import (
	"io"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph"
)

const eightStages = ` wire_tap { to = queue.audit }
 filter { if = "body.n > 1" }
 transform { body = "body" }
 log {}
 send { to = queue.audit }
 detour {
 log {}
 }
 transform { body = "body" }
 log {}`

// 100 flows of 8 stages are drawn in less than 150 ms, with less than 40 MB.
func BenchmarkSVG_100Flows(b *testing.B) {
	m := modelOf(b, "queue \"audit\" {}\n"+chain(100, eightStages))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := graph.SVG(io.Discard, m, graph.Options{Depth: 2}); err != nil {
			b.Fatal(err)
		}
	}
}

// 1000 flows at depth 0 are drawn in less than 2 s.
func BenchmarkSVG_1000Flows(b *testing.B) {
	m := modelOf(b, chain(990, "")+repeated(10, "flow \"skip#\" {\n from = queue.q#\n to = [queue.q9#, queue.q88#, queue.q50#]\n}"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := graph.SVG(io.Discard, m, graph.Options{Depth: 0}); err != nil {
			b.Fatal(err)
		}
	}
}
