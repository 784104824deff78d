package layout

import (
	"cmp"
	"slices"
)

// A net is what runs across between two ranks, of all links that leave one box at one
// place, or that come from the outside.
type net struct {
	near    []float64 // where it is met on the near side, across
	far     []float64 // and on the far side
	low     float64
	high    float64
	track   int
	parents []int // nets that must be nearer
}

// netKey names a net: where it begins.
type netKey struct {
	gap    int // before which rank
	vertex int // -1: it comes from the outside, for
	at     float64
	link   int // this link; -1
}

// router makes the paths of a part's links.
type router struct {
	*part
	nets   []map[netKey]*net // of each gap, before each rank and behind the last
	keys   [][]netKey        // in the order in which they were found
	begin  []float64         // of each rank, along
	end    []float64
	gap    []float64 // where the first track of each gap is
	ins    []float64 // of each link, where it enters its box
	bottom float64   // across, of all in the ranks
	lanes  []*outer
}

// An outer is a way round the outside, or to a box of the band: from one gap to others,
// below all boxes.
type outer struct {
	links     []int
	low, high int // gaps
	at        float64
	box       int // of the band; -1
}

func (p *part) route() {
	r := &router{part: p, nets: make([]map[netKey]*net, p.ranks+1), keys: make([][]netKey, p.ranks+1)}
	for i := range r.nets {
		r.nets[i] = map[netKey]*net{}
	}
	for i := range p.links {
		r.ins = append(r.ins, p.links[i].In)
	}
	r.shift()
	r.findOuter()
	r.findNets()
	for gap := range r.nets {
		r.assign(gap)
	}
	r.setAlong()
	r.draw()
}

// shift moves everything so that it begins at 0.
func (r *router) shift() {
	first := 0.0
	for i := range r.vertices {
		if i == 0 || r.vertices[i].at < first {
			first = r.vertices[i].at
		}
	}
	for i := range r.vertices {
		v := &r.vertices[i]
		v.at -= first
		r.bottom = max(r.bottom, v.at+v.size)
	}
}

// vertexOf finds the vertices of the boxes; -1 of those of the band.
func (p *part) vertexOf() []int {
	all := make([]int, len(p.boxes))
	for i := range all {
		all[i] = -1
	}
	for i := range p.vertices {
		if b := p.vertices[i].box; b >= 0 {
			all[b] = i
		}
	}
	return all
}

func (r *router) net(k netKey) *net {
	n := r.nets[k.gap][k]
	if n == nil {
		n = &net{}
		r.nets[k.gap][k] = n
		r.keys[k.gap] = append(r.keys[k.gap], k)
	}
	return n
}

// findNets gathers what runs across in each gap.
func (r *router) findNets() {
	for v := range r.vertices {
		x := &r.vertices[v]
		for _, i := range x.after {
			s := &r.segments[i]
			n := r.net(netKey{x.rank + 1, v, s.out, -1})
			n.near = []float64{x.at + s.out}
			n.far = append(n.far, r.vertices[s.to].at+r.enters(s))
		}
	}
	vertexOf := r.vertexOf()
	for _, o := range r.lanes {
		for _, i := range o.links {
			l := &r.links[i]
			v := vertexOf[l.From]
			gap := r.rank[l.From] + 1
			n := r.net(netKey{gap, v, l.Out, -1})
			n.near = []float64{r.vertices[v].at + l.Out}
			n.far = append(n.far, o.at)
			if to := vertexOf[l.To]; to >= 0 {
				n := r.net(netKey{r.rank[l.To], -1, o.at, i})
				n.near = append(n.near, o.at)
				n.far = append(n.far, r.vertices[to].at+r.ins[i])
			}
		}
	}
}

// enters is where a segment enters what it leads to.
func (r *router) enters(s *segment) float64 {
	if r.vertices[s.to].box >= 0 {
		return r.ins[s.link]
	}
	return s.in
}

// assign gives the nets of a gap their tracks, so that none lies on another.
func (r *router) assign(gap int) {
	nets := make([]*net, 0, len(r.keys[gap]))
	for _, k := range r.keys[gap] {
		n := r.nets[gap][k]
		n.low, n.high = n.near[0], n.near[0]
		for _, y := range n.far {
			n.low, n.high = min(n.low, y), max(n.high, y)
		}
		n.track = -1
		if n.low < n.high {
			nets = append(nets, n)
		}
	}
	down := func(n *net) bool { return n.high-n.near[0] >= n.near[0]-n.low }
	slices.SortStableFunc(nets, func(a, b *net) int { // so that the fewest cross
		x, y := down(a), down(b)
		switch {
		case x && y:
			return cmp.Compare(b.near[0], a.near[0])
		case x != y:
			if x {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.near[0], b.near[0])
	})
	for i, a := range nets {
		for j, b := range nets {
			if i != j && meets(a.near, b.far) {
				b.parents = append(b.parents, i)
			}
		}
	}
	placed := make([]*net, 0, len(nets))
	waiting := nets
	for len(waiting) > 0 {
		pick := slices.IndexFunc(waiting, func(n *net) bool {
			return !slices.ContainsFunc(n.parents, func(i int) bool { return nets[i].track < 0 })
		})
		pick = max(pick, 0) // a circle: two lie on each other for a bit
		n := waiting[pick]
		waiting = slices.Delete(slices.Clone(waiting), pick, pick+1)
		n.track = 0
		for _, o := range placed {
			if o.low <= n.high+lane/2 && n.low <= o.high+lane/2 {
				n.track = max(n.track, o.track+1)
			}
		}
		placed = append(placed, n)
	}
}

// meets reports whether two nets come so near to each other that one would lie on the other.
func meets(near, far []float64) bool {
	for _, a := range near {
		for _, b := range far {
			if a-b < lane/2 && b-a < lane/2 {
				return true
			}
		}
	}
	return false
}

// setAlong places the ranks, as wide as what is in them and between them needs.
func (r *router) setAlong() {
	depth := make([]float64, r.ranks)
	for i, b := range r.boxes {
		depth[r.rank[i]] = max(depth[r.rank[i]], b.Along)
	}
	r.begin, r.end, r.gap = make([]float64, r.ranks), make([]float64, r.ranks), make([]float64, r.ranks+1)
	at := 0.0
	for g := 0; g <= r.ranks; g++ {
		tracks := 0
		for _, n := range r.nets[g] {
			tracks = max(tracks, n.track+1)
		}
		wide := float64(tracks-1) * lane
		switch {
		case g == 0 && tracks == 0, g == r.ranks && tracks == 0:
		case g == 0:
			r.gap[g] = at
			at += wide + margin
		case g == r.ranks:
			r.gap[g] = at + margin
			at = r.gap[g] + wide
		default:
			r.gap[g] = at + margin
			at += 2*margin + max(0, wide)
		}
		if g < r.ranks {
			r.begin[g], r.end[g] = at, at+depth[g]
			at = r.end[g]
		}
	}
	r.along = at
	r.at = make([]Point, len(r.boxes))
	for i, b := range r.boxes {
		r.at[i].Along = whole(r.begin[r.rank[i]] + (depth[r.rank[i]]-b.Along)/2)
	}
	for v := range r.vertices {
		if b := r.vertices[v].box; b >= 0 {
			r.at[b].Across = r.vertices[v].at
		}
	}
	for _, o := range r.lanes {
		if o.box >= 0 {
			r.at[o.box].Across = o.at - r.links[o.links[0]].In
		}
	}
}

// draw makes the paths.
func (r *router) draw() {
	r.paths = make([][]Point, len(r.links))
	laneOf := map[int]*outer{}
	for _, o := range r.lanes {
		for _, i := range o.links {
			laneOf[i] = o
		}
	}
	vertexOf := r.vertexOf()
	for i, l := range r.links {
		from := Point{r.at[l.From].Along + r.boxes[l.From].Along, r.at[l.From].Across + l.Out}
		to := Point{r.at[l.To].Along, r.at[l.To].Across + r.ins[i]}
		path := []Point{from}
		across := func(k netKey, until float64) {
			if last := path[len(path)-1]; last.Across != until {
				x := r.gap[k.gap] + float64(r.nets[k.gap][k].track)*lane
				path = append(path, Point{x, last.Across}, Point{x, until})
			}
		}
		if o := laneOf[i]; o != nil {
			across(netKey{r.rank[l.From] + 1, vertexOf[l.From], l.Out, -1}, o.at)
			if o.box < 0 {
				across(netKey{r.rank[l.To], -1, o.at, i}, to.Across)
			}
		}
		for _, n := range r.chains[i] {
			s := &r.segments[n]
			across(netKey{r.vertices[s.from].rank + 1, s.from, s.out, -1}, r.vertices[s.to].at+r.enters(s))
		}
		r.paths[i] = append(path, to)
	}
}
