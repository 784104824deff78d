package layout

import (
	"cmp"
	"slices"
)

// sweeps is how often the order of the ranks is improved, and mostSwept how many segments
// are looked at for that.
const (
	sweeps    = 24
	mostSwept = 300_000
)

// sortFirst gives the ranks their first order: boxes in the order in which they are given,
// with what hangs on each beside it.
func (p *part) sortFirst() {
	seen := make([]bool, len(p.vertices))
	var visit func(v int)
	visit = func(v int) {
		if seen[v] {
			return
		}
		seen[v] = true
		x := &p.vertices[v]
		p.layers[x.rank] = append(p.layers[x.rank], v)
		after := slices.Clone(x.after)
		slices.SortStableFunc(after, func(a, b int) int { return cmp.Compare(p.segments[a].out, p.segments[b].out) })
		for _, s := range after {
			visit(p.segments[s].to)
		}
	}
	for v := range p.vertices {
		if len(p.vertices[v].before) == 0 {
			visit(v)
		}
	}
	p.number()
}

func (p *part) number() {
	for _, layer := range p.layers {
		for i, v := range layer {
			p.vertices[v].place = i
		}
	}
}

// order improves the order of the ranks by means and exchanges, and keeps the best.
func (p *part) order() {
	first, fewest := clone(p.layers), p.crossings()
	best := first
	for _, up := range []bool{false, true} {
		p.layers = clone(first)
		p.number()
		stale := 0
		for i := 0; i < sweeps && i*len(p.segments) < mostSwept && fewest > 0 && stale < 8; i++ {
			p.means((i%2 == 1) != up)
			p.transpose(i%4 < 2)
			stale++
			if n := p.crossings(); n < fewest {
				best, fewest, stale = clone(p.layers), n, 0
			}
		}
	}
	p.layers = best
	p.number()
}

func clone(layers [][]int) [][]int {
	all := make([][]int, len(layers))
	for i, l := range layers {
		all[i] = slices.Clone(l)
	}
	return all
}

// means puts each rank's vertices where the middle of their neighbours in the rank before
// is, or behind.
func (p *part) means(behind bool) {
	for i, layer := range p.layers {
		if behind {
			layer = p.layers[len(p.layers)-1-i]
		}
		mean := make(map[int]float64, len(layer))
		var moving []int // those without neighbours stay where they are
		for _, v := range layer {
			if mean[v] = p.mean(v, behind); mean[v] >= 0 {
				moving = append(moving, v)
			}
		}
		slices.SortStableFunc(moving, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
		for k, v := range layer {
			if mean[v] >= 0 {
				layer[k], moving = moving[0], moving[1:]
			}
			p.vertices[layer[k]].place = k
		}
	}
}

// portSteps is how finely places on a side are told apart in an order.
const portSteps = 1 << 12

// key is where a segment's end is in the order of its rank.
func (p *part) key(v int, at float64) int {
	x := &p.vertices[v]
	k := x.place * portSteps
	if x.size > 0 {
		k += min(portSteps-1, int(at/x.size*(portSteps-1)))
	}
	return k
}

// ends are the other ends of a vertex' segments.
func (p *part) ends(v int, behind bool) (keys []int) {
	list := p.vertices[v].before
	if behind {
		list = p.vertices[v].after
	}
	keys = make([]int, len(list))
	for i, n := range list {
		s := &p.segments[n]
		keys[i] = p.key(s.from, s.out)
		if behind {
			keys[i] = p.key(s.to, s.in)
		}
	}
	slices.Sort(keys)
	return keys
}

// mean is where the other ends of a vertex' segments are in the middle; -1: it has none.
func (p *part) mean(v int, behind bool) float64 {
	keys := p.ends(v, behind)
	if len(keys) == 0 {
		return -1
	}
	sum := 0.0
	for _, k := range keys {
		sum += float64(k)
	}
	return sum / float64(len(keys))
}

// transpose exchanges neighbours as long as that takes crossings away. Of equal ones it
// exchanges too where it is to.
func (p *part) transpose(equal bool) {
	for pass := 0; pass < 20; pass++ {
		better := false
		for _, layer := range p.layers {
			for i := 0; i+1 < len(layer); i++ {
				v, w := layer[i], layer[i+1]
				now, then := p.between(v, w)
				if then < now || equal && pass == 0 && then == now && now > 0 {
					layer[i], layer[i+1] = w, v
					p.vertices[v].place, p.vertices[w].place = i+1, i
					better = better || then < now
				}
			}
		}
		if !better {
			return
		}
	}
}

// between counts how often segments of two neighbours cross as they stand, and exchanged.
func (p *part) between(v, w int) (now, then int) {
	for _, behind := range []bool{false, true} {
		a, b := p.ends(v, behind), p.ends(w, behind)
		now += inversions(a, b)
		then += inversions(b, a)
	}
	return now, then
}

// inversions counts the pairs of which that of a is behind that of b. Both are sorted.
func inversions(a, b []int) (n int) {
	j := 0
	for _, x := range a {
		for j < len(b) && b[j] < x {
			j++
		}
		n += j
	}
	return n
}

// crossings counts them all.
func (p *part) crossings() (n int) {
	for _, layer := range p.layers {
		type pair struct{ from, to int }
		var ends []pair
		for _, v := range layer {
			for _, i := range p.vertices[v].after {
				s := &p.segments[i]
				ends = append(ends, pair{p.key(s.from, s.out), p.key(s.to, s.in)})
			}
		}
		slices.SortFunc(ends, func(a, b pair) int { return cmp.Or(a.from-b.from, a.to-b.to) })
		keys := make([]int, len(ends))
		for i, e := range ends {
			keys[i] = e.to
		}
		n += countInversions(keys)
	}
	return n
}

// countInversions counts the pairs that are not in order, and sorts keys.
func countInversions(keys []int) (n int) {
	if len(keys) < 2 {
		return 0
	}
	left, right := keys[:len(keys)/2], keys[len(keys)/2:]
	n = countInversions(left) + countInversions(right)
	n += inversions(left, right)
	slices.Sort(keys)
	return n
}
