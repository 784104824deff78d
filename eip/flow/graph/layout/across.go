package layout

import (
	"cmp"
	"math"
	"slices"
)

// setAcross gives the vertices their places across: each rank's in turn as near to its
// neighbours as the order of the rank allows, and so that long links are straight.
func (p *part) setAcross() {
	for _, layer := range p.layers {
		at := 0.0
		for i, v := range layer {
			if i > 0 {
				at += p.gap(layer[i-1], v)
			}
			p.vertices[v].at = at
			at += p.vertices[v].size
		}
	}
	const passes = 6
	for i := range passes {
		for _, layer := range p.layers {
			p.settle(layer, true, i == passes-1)
		}
		for _, layer := range slices.Backward(p.layers) {
			p.settle(layer, i == passes-1, true)
		}
	}
	first := math.Inf(1)
	for _, layer := range p.layers {
		p.settle(layer, true, true)
		for _, v := range layer {
			first = min(first, math.Round(p.vertices[v].at))
		}
	}
	for i := range p.vertices {
		v := &p.vertices[i]
		v.at = math.Round(v.at) - first
		p.across = max(p.across, v.at+v.size)
	}
}

// gap is what is kept free between two neighbours.
func (p *part) gap(v, w int) float64 {
	switch a, b := p.vertices[v].box < 0, p.vertices[w].box < 0; {
	case a && b:
		return lane
	case a || b:
		return beside
	}
	return between
}

// wish is where a vertex would be, and how much.
type wish struct{ at, weight float64 }

// block is neighbours that stand as near to each other as they may.
type block struct {
	wishes []wish // sorted
	count  int
	at     float64
}

// settle moves the vertices of a rank to where the neighbours before and behind want them:
// the sum of weighted distances is the least that their order allows.
func (p *part) settle(layer []int, before, behind bool) {
	blocks := make([]block, 0, len(layer))
	offset := 0.0
	offsets := make([]float64, len(layer))
	for i, v := range layer {
		if i > 0 {
			offset += p.vertices[layer[i-1]].size + p.gap(layer[i-1], v)
		}
		offsets[i] = offset
		b := block{count: 1, wishes: p.wishes(v, before, behind)}
		for k := range b.wishes {
			b.wishes[k].at -= offset
		}
		b.at = middle(b.wishes)
		for n := len(blocks) - 1; n >= 0 && blocks[n].at > b.at; n-- {
			b = block{wishes: merged(blocks[n].wishes, b.wishes), count: blocks[n].count + b.count}
			b.at = middle(b.wishes)
			blocks = blocks[:n]
		}
		blocks = append(blocks, b)
	}
	i := 0
	for _, b := range blocks {
		for range b.count {
			p.vertices[layer[i]].at = b.at + offsets[i]
			i++
		}
	}
}

// wishes are where the neighbours of v want it, and, a little, where it is.
func (p *part) wishes(v int, before, behind bool) []wish {
	x := &p.vertices[v]
	var all []wish
	if before && behind || before && x.before == nil || behind && x.after == nil {
		all = append(all, wish{x.at, 0.01})
	}
	add := func(s *segment, other int, at, weight float64) {
		weight *= float64(s.weight)
		if x.box < 0 {
			weight *= 4
			if p.vertices[other].box < 0 {
				weight *= 4
			}
		}
		all = append(all, wish{p.vertices[other].at + at, weight})
	}
	if before {
		for _, i := range x.before {
			s := &p.segments[i]
			add(s, s.from, s.out-s.in-s.lean, 1.05) // where both want as much, it is straight before
		}
	}
	if behind {
		for _, i := range x.after {
			s := &p.segments[i]
			add(s, s.to, s.in+s.lean-s.out, 1)
		}
	}
	slices.SortFunc(all, func(a, b wish) int { return cmp.Compare(a.at, b.at) })
	return all
}

// middle is the weighted median of sorted wishes.
func middle(all []wish) float64 {
	total := 0.0
	for _, w := range all {
		total += w.weight
	}
	sum := 0.0
	for i, w := range all {
		sum += w.weight
		switch {
		case sum*2 > total+0.001:
			return w.at
		case sum*2 > total-0.001 && i+1 < len(all): // as many want it behind as before
			return (w.at + all[i+1].at) / 2
		}
	}
	return all[len(all)-1].at
}

// merged adds what is wished to sorted wishes.
func merged(all, more []wish) []wish {
	for _, w := range more {
		i, _ := slices.BinarySearchFunc(all, w, func(a, b wish) int { return cmp.Compare(a.at, b.at) })
		all = slices.Insert(all, i, w)
	}
	return all
}
