package graph_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow/graph"
)

// Every stage and adapter that there is has a drawing.
func TestIcons(t *testing.T) {
	for _, kind := range append(eip.Stages.Names(), adapter.Registry.Names()...) {
		if !graph.HasIcon(kind) {
			t.Errorf("%s has no icon", kind)
		}
	}
	if graph.HasIcon("what others make") {
		t.Error("there is an icon of everything")
	}
}

// Graphviz reads what is written for it.
func TestDot(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no dot (make deps installs it)")
	}
	var all bytes.Buffer
	for _, m := range models(t) {
		if _, err := graph.Dot(&all, m, graph.Options{Depth: 2, Failures: graph.AllFailures}); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(dot, "-Tcanon")
	c.Stdin = &all
	if out, err := c.CombinedOutput(); err != nil || bytes.Contains(out, []byte("rror")) {
		t.Errorf("dot says %v: %.2000s", err, out)
	}
}

func TestMermaid(t *testing.T) {
	const text = `
queue "in" {}
queue "big" {}
queue "dead" {}
flow "orders" {
  from        = queue.in
  dead_letter = queue.dead
  filter "valid" { if = "true" }
  content_router {
    when "big" {
      if = "body.total > 1"
      to = queue.big
    }
    otherwise {
      discard {}
    }
  }
}`
	want := `flowchart LR
  n1(["queue.in"]):::channel
  n2(["queue.big"]):::channel
  n3(["queue.dead"]):::channel
  subgraph n4["orders"]
    direction LR
    n5["filter valid"]:::stage
    n6["content router"]:::stage
    n7>"big"]:::stage
    n8>"otherwise"]:::stage
    n9["discard"]:::stage
  end
  n5 --> n6
  n6 --> n7
  n6 --> n8
  n8 --> n9
  n1 --> n5
  n7 --> n2
  n6 -. dead letter .-> n3
`
	var out strings.Builder
	if note, err := graph.Mermaid(&out, modelOf(t, text), graph.Options{Depth: 2}); note != "" || err != nil {
		t.Fatal(note, err)
	}
	if got, _, _ := strings.Cut(out.String(), "  classDef"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	note, err := graph.Mermaid(&out, modelOf(t, chain(210, "log {}")), graph.Options{Depth: 2})
	if err != nil || !strings.Contains(note, "depth 0") || strings.Contains(out.String(), "log") {
		t.Errorf("a large one is noted by %q, %v", note, err)
	}
}

// The picture of 100 flows of 8 stages is small enough to be sent over any network.
func TestSVG_Size(t *testing.T) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := graph.SVG(w, modelOf(t, "queue \"audit\" {}\n"+chain(100, eightStages)), graph.Options{Depth: 2}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", out.Len())
	if out.Len() > 40<<10 {
		t.Errorf("compressed, it has %d bytes", out.Len())
	}
}

// What is beyond the limits has less depth, and then is refused.
func TestView_Limits(t *testing.T) {
	m := modelOf(t, chain(300, repeated(8, "log {}")))
	var out bytes.Buffer
	note, err := graph.SVG(&out, m, graph.Options{Depth: 2})
	if err != nil || !strings.Contains(note, "depth 0") {
		t.Errorf("it is noted by %q, %v", note, err)
	}
	if !strings.Contains(out.String(), note) {
		t.Error("the picture does not say so")
	}
	m = &graph.Model{}
	for range graph.MaxNodes + 1 {
		m.Nodes = append(m.Nodes, graph.Node{ID: strings.Repeat("x", len(m.Nodes)%7+1) + string(rune(len(m.Nodes)+1000)), Kind: graph.KindQueue})
	}
	if _, err := graph.SVG(&out, m, graph.Options{}); err == nil {
		t.Error("more nodes than may be are drawn")
	}
}

// Only what is near is drawn.
func TestView_Near(t *testing.T) {
	m := modelOf(t, chain(9, "log {}"))
	for name, c := range map[string]struct {
		o    graph.Options
		want []string
	}{
		"flow":    {graph.Options{Flow: "f3"}, []string{"f3", "queue.q3", "queue.q4"}},
		"channel": {graph.Options{Around: "queue.q3", Hops: 1}, []string{"f2", "f3", "queue.q2", "queue.q3", "queue.q4"}},
		"stage":   {graph.Options{Around: "f3.log", Hops: 0}, []string{"f3", "queue.q3", "queue.q4"}},
	} {
		p, err := m.Part(c.o)
		if err != nil {
			t.Fatal(name, err)
		}
		var got []string
		for _, n := range p.Nodes {
			if !n.Implicit {
				got = append(got, n.ID)
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for _, o := range []graph.Options{{Flow: "f99"}, {Around: "queue.none"}} {
		if _, err := m.Part(o); err == nil {
			t.Errorf("%+v is found", o)
		}
	}
}

// Nothing that is sensitive, or came from the environment, is in a Model.
func TestModel_Sensitive(t *testing.T) {
	m := modelOf(t, `
variable "limit" {
  default   = "hunter2-hunter2"
  sensitive = true
}
queue "in" {}
flow "f" {
  from = queue.in
  filter { if = "body.key == '${var.limit}'" }
  discard {}
}`)
	for _, n := range m.Nodes {
		if strings.Contains(n.If, "hunter2") {
			t.Errorf("it is shown: %s", n.If)
		}
		if n.Kind == "filter" && !strings.Contains(n.If, "(sensitive)") {
			t.Errorf("the filter has %q", n.If)
		}
	}
}

func TestFill(t *testing.T) {
	draw := func(files []string) (string, error) { return strings.Join(files, "+") + "\n", nil }
	text := "a\n<!-- graph: x.hcl y -->\nold\n<!-- /graph -->\nb\n<!-- graph: z -->\n<!-- /graph -->\n"
	want := "a\n<!-- graph: x.hcl y -->\n```mermaid\nx.hcl+y\n```\n<!-- /graph -->\nb\n<!-- graph: z -->\n```mermaid\nz\n```\n<!-- /graph -->\n"
	for range 2 {
		got, n, err := graph.Fill([]byte(text), draw)
		if string(got) != want || n != 2 || err != nil {
			t.Errorf("got %d, %v: %s", n, err, got)
		}
		text = want
	}
}
