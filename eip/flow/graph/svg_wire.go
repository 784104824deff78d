package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// wire draws an edge, and its reply along it.
func (s *svg) wire(w *wire) {
	points := w.points
	e := w.edge
	if e.Kind == Reply {
		points = slices.Clone(points)
		slices.Reverse(points)
	}
	s.edge(e, points, s.marker(e), "")
	s.rate(e, points)
	if w.round && len(points) > 3 {
		s.roundMark(points)
	}
	if w.reply != nil {
		back := slices.Clone(points)
		slices.Reverse(back)
		s.edge(w.reply, back, s.marker(w.reply), " back")
	}
}

// rate writes an edge's rate above its longest level stretch, where there is room.
func (s *svg) rate(e *Edge, points []point) {
	if e.Rate == 0 {
		return
	}
	text, at, longest := short(e.Rate)+"/s", point{}, 0.0
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if length := math.Abs(b.x - a.x); a.y == b.y && length > longest {
			at, longest = point{(a.x + b.x) / 2, a.y - 4}, length
		}
	}
	if textWidth(text, 10, false)+8 <= longest {
		s.f(`<text class="quiet" x="%v" y="%v">%v</text>`+"\n", at.x, at.y, text)
	}
}

// roundMark marks a way back where it goes round the outside.
func (s *svg) roundMark(points []point) {
	a, b := points[2], points[3]
	at := point{a.x, a.y}
	if length := math.Hypot(b.x-a.x, b.y-a.y); length > 40 {
		at = point{a.x + (b.x-a.x)*20/length, a.y + (b.y-a.y)*20/length}
	}
	s.icons["circle"] = true
	s.f(`<use class="i round" href="#i-circle" x="%v" y="%v" width="12" height="12"/>`+"\n", at.x-6, at.y-6)
}

// marker is the head of an edge's arrow: none where a flow goes on with a line of its own.
func (s *svg) marker(e *Edge) string {
	b := s.boxes[s.of[top(s.index, e.To)]]
	switch {
	case b.frame != nil && len(b.frame.cells) > 0, b.node.Kind == kindLabel:
		return ""
	case e.Kind == Request || e.Kind == Reply:
		return "open"
	case e.failure():
		return "fail"
	}
	return "to"
}

func (s *svg) edge(e *Edge, points []point, marker, class string) {
	wide := ""
	if e.Rate > 0 {
		wide = fmt.Sprintf(` style="stroke-width:%s"`, number(thickness(e.Rate)))
	}
	s.f(`<path class="edge %v%v"%v data-from="%v" data-to="%v" d="%v"`, e.Kind, class, markup(wide), s.index[e.From].address(), s.index[e.To].address(), rounded(points))
	if marker != "" {
		s.f(` marker-end="url(#eipd-%v)"`, marker)
	}
	s.body.WriteString("/>\n")
}

// rounded is a path by corners, which it rounds. All but its beginning is said from where the
// one before ends: the same shape is the same text everywhere.
func rounded(points []point) markup {
	var out strings.Builder
	pen := tenths(points[0])
	fmt.Fprintf(&out, "M%s %s", number(pen.x), number(pen.y))
	by := func(c string, p point) string {
		return fmt.Sprintf("%s%s %s", c, number(tenths(p).x-pen.x), number(tenths(p).y-pen.y))
	}
	line := func(p point) {
		switch p = tenths(p); {
		case p == pen:
			return
		case p.y == pen.y:
			out.WriteString("h" + string(number(p.x-pen.x)))
		case p.x == pen.x:
			out.WriteString("v" + string(number(p.y-pen.y)))
		default:
			out.WriteString(by("l", p))
		}
		pen = p
	}
	for i, p := range points[1:] {
		if i == len(points)-2 {
			line(p)
			break
		}
		line(towards(p, points[i]))
		after := towards(p, points[i+2])
		out.WriteString(by("q", p) + by(" ", after))
		pen = tenths(after)
	}
	return markup(out.String())
}

// tenths is a place as exactly as it is written.
func tenths(p point) point { return point{math.Round(p.x*10) / 10, math.Round(p.y*10) / 10} }

// towards is a place near p on the way to o.
func towards(p, o point) point {
	length := math.Hypot(o.x-p.x, o.y-p.y)
	if length == 0 {
		return p
	}
	r := min(6, length/2) / length
	return point{p.x + float64((o.x-p.x)*r), p.y + float64((o.y-p.y)*r)}
}

// touches reports whether a place is at the side of a stage.
func (f *frame) touches(p point) bool {
	return slices.ContainsFunc(f.cells, func(c cell) bool {
		return (p.x == c.x || p.x == c.x+c.w) && p.y >= c.y && p.y <= c.y+c.h || (p.y == c.y || p.y == c.y+c.h) && p.x >= c.x && p.x <= c.x+c.w
	})
}
