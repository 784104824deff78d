package graph_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph"
)

// wild makes a Model of bytes, which no flow file would be.
func wild(data []byte, text string) *graph.Model {
	next := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		v := int(data[0]) % n
		data = data[1:]
		return v
	}
	kinds := []string{graph.KindQueue, graph.KindTopic, graph.KindAdapter, graph.KindFlow, graph.KindService, graph.KindUnknown, "wire_tap", "detour",
		"content_router", "filter", "splitter", graph.KindBranch, graph.KindInterceptor, graph.KindSubscription, graph.KindBroker, text}
	edges := []string{graph.Message, graph.Copy, graph.Request, graph.Reply, graph.DeadLetter, graph.Invalid, graph.Discard, graph.Expired}
	m := &graph.Model{}
	for len(data) > 0 && len(m.Nodes) < 40 {
		n := graph.Node{ID: fmt.Sprint(text, len(m.Nodes)), Kind: kinds[next(len(kinds))], Name: text[:next(len(text)+1)], If: text, At: "a.hcl:1", Broker: fmt.Sprint(next(3)),
			Implicit: next(9) == 0, Ends: next(3) == 0}
		if len(m.Nodes) > 0 && next(3) > 0 {
			n.In, n.Order = m.Nodes[next(len(m.Nodes))].ID, next(4)
		}
		if next(5) == 0 {
			n.State = graph.Off
		}
		m.Nodes = append(m.Nodes, n)
		for range next(4) {
			from, to := m.Nodes[next(len(m.Nodes))].ID, m.Nodes[next(len(m.Nodes))].ID
			m.Edges = append(m.Edges, graph.Edge{ID: fmt.Sprint(len(m.Edges)), From: from, To: to, Kind: edges[next(len(edges))]})
		}
	}
	return m
}

// Whatever a Model is, drawings of it are well-formed.
func FuzzModel(f *testing.F) {
	f.Add([]byte("3900000031111"), `<&"'>`)
	f.Add([]byte("\x03\x00\x00\x01\x01\x01\x06\x01\x00\x01\x01\x01\x01\x00\x01\x02\x01\x03\x00\x00\x00"), "שלום")
	f.Add([]byte("3900000031111\x03\x00\x00\x08\xc8\x01\x01\x00"), strings.Repeat("W", 255))
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		m := wild(data, text)
		for _, down := range []bool{false, true} {
			o := graph.Options{Depth: len(data) % 3, Down: down, Failures: graph.AllFailures, Conditions: true, LinkBase: text}
			var out bytes.Buffer
			if _, err := graph.SVG(&out, m, o); err != nil {
				t.Fatal(err)
			}
			d := xml.NewDecoder(&out)
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			for _, write := range []func(io.Writer, *graph.Model, graph.Options) (string, error){graph.Mermaid, graph.Dot} {
				if _, err := write(io.Discard, m, o); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := graph.Text(io.Discard, m, o, 60); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := json.Marshal(m); err != nil && !strings.Contains(err.Error(), "invalid") {
			t.Fatal(err)
		}
	})
}
