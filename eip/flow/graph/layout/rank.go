package layout

import "slices"

// setBand finds the boxes that only links aside lead to.
func (p *part) setBand() {
	p.band = make([]bool, len(p.boxes))
	other := make([]bool, len(p.boxes))
	aside := make([]bool, len(p.boxes))
	for _, l := range p.links {
		if l.Aside {
			aside[l.To] = true
			other[l.From] = true
			continue
		}
		other[l.From], other[l.To] = true, true
	}
	for i := range p.boxes {
		p.band[i] = aside[i] && !other[i]
	}
}

// ranked reports whether a link takes part in ranking.
func (p *part) ranked(i int) bool { return !p.back[i] && !p.band[p.links[i].To] }

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
	for _, i := range order {
		for _, l := range in[i] {
			if !p.back[l] {
				p.rank[i] = max(p.rank[i], p.rank[p.links[l].From]+1)
			}
		}
	}
	for moved, pass := true, 0; moved && pass < 12; pass++ {
		moved = false
		for k := range order {
			i := order[len(order)-1-k]
			moved = p.pull(i, in[i], out[i]) || moved
		}
	}
	p.sendOutside()
	p.ranks = 0
	for i := range p.boxes {
		if !p.band[i] {
			p.ranks = max(p.ranks, p.rank[i]+1)
		}
	}
	for _, l := range p.links { // one rank behind all that leads there
		if p.band[l.To] {
			p.rank[l.To] = max(p.rank[l.To], p.rank[l.From]+1)
			p.ranks = max(p.ranks, p.rank[l.To]+1)
		}
	}
}

// pull moves a box towards where its links weigh more, and reports whether it moved.
func (p *part) pull(i int, in, out []int) bool {
	low, high := 0, 1<<30
	inWeight, outWeight := 0, 0
	for _, l := range in {
		if !p.back[l] {
			low = max(low, p.rank[p.links[l].From]+1)
			inWeight += p.links[l].Weight
		}
	}
	for _, l := range out {
		if !p.back[l] {
			high = min(high, p.rank[p.links[l].To]-1)
			outWeight += p.links[l].Weight
		}
	}
	to := p.rank[i]
	switch {
	case outWeight == 0 || inWeight > outWeight:
		if inWeight > 0 {
			to = low
		}
	default:
		to = high
	}
	moved := to != p.rank[i]
	p.rank[i] = to
	return moved
}

// breakCycles marks the links that close a cycle, depth first from boxes that nothing
// leads to, and returns the boxes in an order in which all others lead onwards.
func (p *part) breakCycles(in, out [][]int) (order []int) {
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(p.boxes))
	type step struct{ box, next int }
	visit := func(first int) {
		path := []step{{first, 0}}
		state[first] = open
		for len(path) > 0 {
			s := &path[len(path)-1]
			if s.next == len(out[s.box]) {
				state[s.box] = done
				order = append(order, s.box)
				path = path[:len(path)-1]
				continue
			}
			l := out[s.box][s.next]
			s.next++
			switch to := p.links[l].To; state[to] {
			case unseen:
				state[to] = open
				path = append(path, step{to, 0})
			case open:
				p.back[l] = true
			}
		}
	}
	for i := range p.boxes {
		if len(in[i]) == 0 {
			visit(i)
		}
	}
	for i := range p.boxes {
		if state[i] == unseen {
			visit(i)
		}
	}
	for i, j := 0, len(order)-1; i < j; i, j = i+1, j-1 {
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// mostPassed is how many ranks all links together may pass.
const mostPassed = 30_000

// sendOutside has the longest links go round the outside, where all of them would pass more
// ranks than that.
func (p *part) sendOutside() {
	passed := 0
	span := func(i int) int { return p.rank[p.links[i].To] - p.rank[p.links[i].From] }
	var all []int
	for i := range p.links {
		if p.ranked(i) {
			passed += span(i)
			all = append(all, i)
		}
	}
	if passed <= mostPassed {
		return
	}
	slices.SortStableFunc(all, func(a, b int) int { return span(b) - span(a) })
	for _, i := range all {
		if passed <= mostPassed {
			return
		}
		passed -= span(i)
		p.back[i] = true
	}
}
