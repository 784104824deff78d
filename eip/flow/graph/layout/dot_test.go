package layout_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph/layout"
)

// layered is a graph whose links lead from one rank to the next.
func layered(r *rand.Rand) (ranks [][]int, links [][2]int) {
	n := 0
	for i := range 3 + r.IntN(6) {
		var rank []int
		for range 3 + r.IntN(8) {
			if i > 0 {
				from := ranks[i-1]
				for range 1 + r.IntN(3) {
					links = append(links, [2]int{from[r.IntN(len(from))], n})
				}
			}
			rank = append(rank, n)
			n++
		}
		ranks = append(ranks, rank)
	}
	return ranks, links
}

// crossings counts those of links, by where their ends are across.
func crossings(ranks [][]int, links [][2]int, at []float64) (n int) {
	rank := make([]int, len(at))
	for i, all := range ranks {
		for _, b := range all {
			rank[b] = i
		}
	}
	for i, a := range links {
		for _, b := range links[:i] {
			if rank[a[0]] == rank[b[0]] && (at[a[0]]-at[b[0]])*(at[a[1]]-at[b[1]]) < 0 {
				n++
			}
		}
	}
	return n
}

// Links cross at most 1.15 times as often as where Graphviz' dot has ordered the boxes.
func TestPlace_Crossings(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no dot (make deps installs it)")
	}
	const graphs = 200
	type graph struct {
		ranks [][]int
		links [][2]int
	}
	var all []graph
	var source bytes.Buffer
	ours := 0
	for seed := range uint64(graphs) {
		ranks, links := layered(rand.New(rand.NewPCG(seed, 2)))
		all = append(all, graph{ranks, links})
		source.WriteString("digraph {\n")
		boxes := 0
		for _, rank := range ranks {
			source.WriteString("{rank=same")
			for _, b := range rank {
				fmt.Fprintf(&source, "; %d", b)
				boxes++
			}
			source.WriteString("}\n")
		}
		var placed []layout.Link
		for _, l := range links {
			fmt.Fprintf(&source, "%d -> %d\n", l[0], l[1])
			placed = append(placed, layout.Link{From: l[0], To: l[1], Out: 15, In: 15})
		}
		source.WriteString("}\n")
		sized := make([]layout.Box, boxes)
		for i := range sized {
			sized[i] = layout.Box{Along: 60, Across: 30}
		}
		l := layout.Place(sized, placed)
		at := make([]float64, boxes)
		for i, p := range l.Boxes {
			at[i] = p.Across
		}
		ours += crossings(ranks, links, at)
	}
	c := exec.Command(dot, "-Tplain")
	c.Stdin = &source
	text, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, seen := 0, 0
	at := map[int]float64{}
	for line := range strings.Lines(string(text)) {
		var node int
		var x, y float64
		if n, _ := fmt.Sscanf(line, "node %d %f %f", &node, &x, &y); n == 3 {
			at[node] = x
		}
		if strings.HasPrefix(line, "stop") {
			list := make([]float64, len(at))
			for i, x := range at {
				list[i] = x
			}
			theirs += crossings(all[seen].ranks, all[seen].links, list)
			seen++
			clear(at)
		}
	}
	t.Logf("%d crossings, of dot %d", ours, theirs)
	if seen != graphs || theirs == 0 || float64(ours) > 1.15*float64(theirs) {
		t.Errorf("%d crossings, and dot has %d in %d graphs", ours, theirs, seen)
	}
}
