package layout

import (
	"cmp"
	"math"
	"slices"
)

// A net is what runs across between two ranks, of all links that leave one box at one
// place, or of one that comes from the outside.
type net struct {
	gap       int       // before which rank
	near      float64   // where it is met on the near side, across
	far       []float64 // and on the far side
	low, high float64
	track     int    // -1: it needs none
	nearer    []*net // that must be
}

// netKey names a net: where it begins.
type netKey struct {
	vertex int // ^link: it comes from the outside
	at     float64
}

// router makes the paths of a part's links.
type router struct {
	*part
	nets    map[netKey]*net
	gaps    [][]*net  // the nets before each rank and behind the last
	gap     []float64 // where the first track of each gap is
	outers  []*outer
	outerOf []*outer // of the links
}

func (p *part) route() {
	r := &router{part: p, nets: map[netKey]*net{}, gaps: make([][]*net, p.ranks+1), outerOf: make([]*outer, len(p.links))}
	r.findOuter()
	r.findNets()
	for _, nets := range r.gaps {
		assign(nets)
	}
	r.setAlong()
	r.draw()
}

// findNets gathers what runs across in each gap.
func (r *router) findNets() {
	for v := range r.vertices {
		x := &r.vertices[v]
		for _, i := range x.after {
			s := &r.segments[i]
			r.cross(x.rank+1, netKey{v, s.out}, x.at+s.out, r.vertices[s.to].at+s.in)
		}
	}
	for _, o := range r.outers {
		for _, i := range o.links {
			l := &r.links[i]
			v := r.vertexOf[l.From]
			r.cross(r.rank[l.From]+1, netKey{v, l.Out}, r.vertices[v].at+l.Out, o.at)
			if o.box < 0 {
				r.cross(r.rank[l.To], netKey{^i, 0}, o.at, r.vertices[r.vertexOf[l.To]].at+l.In)
			}
		}
	}
}

// cross has a net of a gap lead from one place to another.
func (r *router) cross(gap int, k netKey, near, far float64) {
	n := r.nets[k]
	if n == nil {
		n = &net{gap: gap, near: near, low: near, high: near, track: -1}
		r.nets[k] = n
		r.gaps[gap] = append(r.gaps[gap], n)
	}
	n.far = append(n.far, far)
	n.low, n.high = min(n.low, far), max(n.high, far)
}

// assign gives the nets of a gap their tracks, so that none lies on another.
func assign(all []*net) {
	nets := slices.DeleteFunc(slices.Clone(all), func(n *net) bool { return n.low == n.high })
	down := func(n *net) float64 {
		if n.high-n.near >= n.near-n.low {
			return 1
		}
		return -1
	}
	slices.SortStableFunc(nets, func(a, b *net) int { // so that the fewest cross
		x, y := down(a), down(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(-x*a.near, -y*b.near))
	})
	for _, a := range nets {
		for _, b := range nets {
			if a != b && slices.ContainsFunc(b.far, func(y float64) bool { return math.Abs(a.near-y) < lane/2 }) {
				b.nearer = append(b.nearer, a) // or one would lie on the other
			}
		}
	}
	var placed []*net
	for len(nets) > 0 {
		next := slices.IndexFunc(nets, func(n *net) bool {
			return !slices.ContainsFunc(n.nearer, func(o *net) bool { return o.track < 0 })
		})
		next = max(next, 0) // a circle: two lie on each other for a bit
		n := nets[next]
		nets = slices.Delete(nets, next, next+1)
		n.track = 0
		for _, o := range placed {
			if o.low <= n.high+lane/2 && n.low <= o.high+lane/2 {
				n.track = max(n.track, o.track+1)
			}
		}
		placed = append(placed, n)
	}
}

// setAlong places the ranks, as wide as what is in them and between them needs.
func (r *router) setAlong() {
	depth := make([]float64, r.ranks)
	for i, b := range r.boxes {
		depth[r.rank[i]] = max(depth[r.rank[i]], b.Along)
	}
	begin := make([]float64, r.ranks)
	r.gap = make([]float64, r.ranks+1)
	for g, nets := range r.gaps {
		last := -1
		for _, n := range nets {
			last = max(last, n.track)
		}
		first, end := g == 0, g == r.ranks
		if last >= 0 || !first && !end {
			if !first {
				r.along += margin
			}
			r.gap[g] = r.along
			r.along += float64(max(last, 0)) * lane
			if !end {
				r.along += margin
			}
		}
		if !end {
			begin[g] = r.along
			r.along += depth[g]
		}
	}
	r.at = make([]Point, len(r.boxes))
	for i, b := range r.boxes {
		r.at[i].Along = math.Round(begin[r.rank[i]] + (depth[r.rank[i]]-b.Along)/2)
		if v := r.vertexOf[i]; v >= 0 {
			r.at[i].Across = r.vertices[v].at
		}
	}
	for _, o := range r.outers {
		if o.box >= 0 {
			r.at[o.box].Across = o.at - r.links[o.links[0]].In
		}
	}
}

// draw makes the paths.
func (r *router) draw() {
	r.paths = make([][]Point, len(r.links))
	for i, l := range r.links {
		from := Point{r.at[l.From].Along + r.boxes[l.From].Along, r.at[l.From].Across + l.Out}
		to := Point{r.at[l.To].Along, r.at[l.To].Across + l.In}
		path := []Point{from}
		across := func(k netKey, until float64) {
			if last := path[len(path)-1]; last.Across != until {
				n := r.nets[k]
				x := r.gap[n.gap] + float64(n.track)*lane
				path = append(path, Point{x, last.Across}, Point{x, until})
			}
		}
		if o := r.outerOf[i]; o != nil {
			across(netKey{r.vertexOf[l.From], l.Out}, o.at)
			if o.box < 0 {
				across(netKey{^i, 0}, to.Across)
			}
		}
		for _, n := range r.chains[i] {
			s := &r.segments[n]
			across(netKey{s.from, s.out}, r.vertices[s.to].at+s.in)
		}
		r.paths[i] = append(path, to)
	}
}
