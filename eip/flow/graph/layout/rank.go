package layout

import "slices"

// setBand finds the boxes that only links aside lead to.
func (p *part) setBand() {
	p.band = make([]bool, len(p.boxes))
	other := make([]bool, len(p.boxes))
	for _, l := range p.links {
		other[l.From] = true
		other[l.To] = other[l.To] || !l.Aside
	}
	for _, l := range p.links {
		p.band[l.To] = !other[l.To]
	}
}

// ranked reports whether a link takes part in ranking.
func (p *part) ranked(i int) bool { return !p.back[i] && !p.band[p.links[i].To] }

// mostPassed is how many ranks all links together may pass.
const mostPassed = 100_000

// setRanks gives each box its rank: the longest way to it, and then as near to its
// neighbours as its links want.
func (p *part) setRanks() {
	p.back = make([]bool, len(p.links))
	p.rank = make([]int, len(p.boxes))
	in, out := make([][]int, len(p.boxes)), make([][]int, len(p.boxes))
	for i, l := range p.links {
		if p.ranked(i) {
			out[l.From] = append(out[l.From], i)
			in[l.To] = append(in[l.To], i)
		}
	}
	order := p.breakCycles(in, out)
	isBack := func(l int) bool { return p.back[l] }
	for _, i := range order {
		in[i], out[i] = slices.DeleteFunc(in[i], isBack), slices.DeleteFunc(out[i], isBack)
		for _, l := range in[i] {
			p.rank[i] = max(p.rank[i], p.rank[p.links[l].From]+1)
		}
	}
	for range 12 {
		for _, i := range slices.Backward(order) {
			p.pull(i, in[i], out[i])
		}
	}
	for i, l := range p.links {
		switch passed := p.rank[l.To] - p.rank[l.From]; {
		case p.band[l.To]: // one rank behind all that leads there
			p.rank[l.To] = max(p.rank[l.To], p.rank[l.From]+1)
		case passed*len(p.links) > mostPassed: // more than its share
			p.back[i] = true
		}
	}
	p.ranks = slices.Max(p.rank) + 1
}

// pull moves a box towards where its links weigh more.
func (p *part) pull(i int, in, out []int) {
	low, high, behind := 0, 1<<30, 0
	for _, l := range in {
		low = max(low, p.rank[p.links[l].From]+1)
		behind -= p.links[l].Weight
	}
	for _, l := range out {
		high = min(high, p.rank[p.links[l].To]-1)
		behind += p.links[l].Weight
	}
	switch {
	case len(out) > 0 && behind >= 0:
		p.rank[i] = high
	case len(in) > 0:
		p.rank[i] = low
	}
}

// breakCycles marks the links that close a cycle, depth first from boxes that nothing
// leads to, and returns the boxes in an order in which all others lead onwards.
func (p *part) breakCycles(in, out [][]int) (order []int) {
	seen, open := make([]bool, len(p.boxes)), make([]bool, len(p.boxes))
	var visit func(box int)
	visit = func(box int) {
		seen[box], open[box] = true, true
		for _, l := range out[box] {
			if to := p.links[l].To; open[to] {
				p.back[l] = true
			} else if !seen[to] {
				visit(to)
			}
		}
		open[box] = false
		order = append(order, box)
	}
	for i := range p.boxes {
		if len(in[i]) == 0 {
			visit(i)
		}
	}
	for i := range p.boxes {
		if !seen[i] {
			visit(i)
		}
	}
	slices.Reverse(order)
	return order
}
