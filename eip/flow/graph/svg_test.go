package graph_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// A drawing is what an SVG file shows, read from the file.
type drawing struct {
	w, h  float64
	boxes map[string]rect // of nodes, by their IDs
	order []string
	class map[string]string
	edges []drawnLine
	lines []drawnLine // within flows
	texts []drawnText
}

type rect struct{ x1, y1, x2, y2 float64 }

type drawnLine struct {
	class, from, to string
	points          [][2]float64
}

type drawnText struct {
	class, text string
	x, y        float64
	in          string // the node whose box it is in
}

var (
	numbers  = regexp.MustCompile(`-?[0-9.]+`)
	commands = regexp.MustCompile(`[a-zA-Z][^a-zA-Z]*`)
)

// path reads the corners of a path that begins from a place. Those that are rounded are read
// as they would be without.
func path(d string, from [2]float64) (points [][2]float64) {
	pen := from
	for _, c := range commands.FindAllString(d, -1) {
		var n []float64
		for _, text := range numbers.FindAllString(c, -1) {
			x, _ := strconv.ParseFloat(text, 64)
			n = append(n, x)
		}
		at := pen
		switch c[0] {
		case 'M', 'l':
			at = [2]float64{pen[0] + n[0], pen[1] + n[1]}
			pen = at
		case 'h':
			at[0] += n[0]
			pen = at
		case 'v':
			at[1] += n[0]
			pen = at
		case 'q':
			at = [2]float64{pen[0] + n[0], pen[1] + n[1]}
			pen = [2]float64{pen[0] + n[2], pen[1] + n[3]}
		case 'z':
			continue
		default:
			panic("the path " + d + " has a command that is not known")
		}
		points = append(points, at)
	}
	return points
}

// read reads an SVG file, as a viewer would.
func read(r io.Reader) (*drawing, error) {
	g := &drawing{boxes: map[string]rect{}, class: map[string]string{}}
	d := xml.NewDecoder(r)
	var node string
	var from [2]float64 // where the node's places are from
	var text *drawnText
	depth, nodeDepth, titles, defs := 0, 0, 0, 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			depth++
			at := map[string]string{}
			for _, a := range e.Attr {
				at[a.Name.Local] = a.Value
			}
			num := func(name string) float64 { x, _ := strconv.ParseFloat(at[name], 64); return x }
			switch e.Name.Local {
			case "script", "foreignObject", "image", "style":
				if e.Name.Local != "style" {
					return nil, fmt.Errorf("it holds %s", e.Name.Local)
				}
			case "defs":
				defs++
			case "title":
				titles++
			case "svg":
				box := strings.Fields(at["viewBox"])
				g.w, _ = strconv.ParseFloat(box[2], 64)
				g.h, _ = strconv.ParseFloat(box[3], 64)
			case "g":
				node, nodeDepth = at["id"], depth
				from = path("M"+at["transform"][len("translate("):], [2]float64{})[0]
				if _, twice := g.class[node]; twice {
					return nil, fmt.Errorf("the ID %q is there twice", node)
				}
				g.class[node] = at["class"]
				g.order = append(g.order, node)
			case "rect":
				g.boxes[node] = rect{from[0], from[1], from[0] + num("width"), from[1] + num("height")}
			case "text":
				text = &drawnText{class: at["class"], x: from[0] + num("x"), y: from[1] + num("y"), in: node}
			case "path":
				switch class := at["class"]; {
				case defs > 0:
				case class == "shape":
					r := rect{1e9, 1e9, -1e9, -1e9}
					for _, p := range path(at["d"], from) {
						r = rect{min(r.x1, p[0]), min(r.y1, p[1]), max(r.x2, p[0]), max(r.y2, p[1])}
					}
					g.boxes[node] = r
				case strings.HasPrefix(class, "edge"):
					g.edges = append(g.edges, drawnLine{class, at["data-from"], at["data-to"], path(at["d"], from)})
				default:
					g.lines = append(g.lines, drawnLine{class: class, points: path(at["d"], from)})
				}
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "title":
				titles--
			case "defs":
				defs--
			case "text":
				g.texts = append(g.texts, *text)
				text = nil
			}
			if depth == nodeDepth {
				node, from = "", [2]float64{}
			}
			depth--
		case xml.CharData:
			if text != nil && titles == 0 {
				text.text += string(e)
			}
		}
	}
	return g, nil
}

// faults says what is wrong with a drawing.
func (g *drawing) faults() (all []string) {
	bad := func(format string, args ...any) {
		if len(all) < 10 {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	for i, id := range g.order {
		b, ok := g.boxes[id]
		if !ok {
			bad("%s has no box", id)
		}
		if b.x1 < 0 || b.y1 < 0 || b.x2 > g.w || b.y2 > g.h {
			bad("%s is outside: %v", id, b)
		}
		for _, other := range g.order[:i] {
			if o := g.boxes[other]; b.x1 < o.x2 && o.x1 < b.x2 && b.y1 < o.y2 && o.y1 < b.y2 && !g.within(id, other) {
				bad("%s, %v, and %s, %v, overlap", id, b, other, o)
			}
		}
	}
	for _, e := range g.edges {
		first, last := e.points[0], e.points[len(e.points)-1]
		if !g.touches(e.from, first) || !g.touches(e.to, last) {
			bad("the edge from %s to %s does not touch its ends: %v", e.from, e.to, e.points)
		}
		g.passes(e, bad)
	}
	for _, l := range g.lines {
		g.passes(l, bad)
	}
	for _, t := range g.texts {
		w := wide(t)
		x1, x2 := t.x-w/2, t.x+w/2
		if strings.Contains(t.class, "start") || t.class == "name" {
			x1, x2 = t.x, t.x+w
		} else if strings.Contains(t.class, "end") {
			x1, x2 = t.x-w, t.x
		}
		b := rect{0, 0, g.w, g.h}
		if t.in != "" {
			b = g.boxes[t.in]
		}
		if x1 < b.x1 || x2 > b.x2 || t.y-9 < b.y1 || t.y+2 > b.y2 {
			bad("the text %q, from %v to %v at %v, is not within %v of %s", t.text, x1, x2, t.y, b, t.in)
		}
	}
	return all
}

// within reports whether one of two nodes is in the other: a stage in its flow.
func (g *drawing) within(a, b string) bool {
	flow, stage := b, a
	if strings.HasPrefix(g.class[a], "flow") {
		flow, stage = a, b
	}
	return strings.HasPrefix(g.class[flow], "flow") && strings.HasPrefix(g.class[stage], "stage") && strings.HasPrefix(stage, flow+".")
}

// touches reports whether a place is at the side of the node's box, or of the flow that it is
// in.
func (g *drawing) touches(id string, p [2]float64) bool {
	at := func(b rect) bool {
		in := p[0] >= b.x1 && p[0] <= b.x2 && p[1] >= b.y1 && p[1] <= b.y2
		return in && (p[0] == b.x1 || p[0] == b.x2 || p[1] == b.y1 || p[1] == b.y2)
	}
	for {
		for _, name := range []string{id, id + ":to"} {
			if b, ok := g.boxes[name]; ok && at(b) {
				return true
			}
		}
		i := strings.LastIndexByte(id, '.')
		if i < 0 {
			return false
		}
		id = id[:i]
	}
}

// passes checks that a line leaves out what it does not lead to, and stays in the drawing.
func (g *drawing) passes(l drawnLine, bad func(string, ...any)) {
	for i := 1; i < len(l.points); i++ {
		a, b := l.points[i-1], l.points[i]
		s := rect{min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])}
		if s.x1 < 0 || s.y1 < 0 || s.x2 > g.w || s.y2 > g.h {
			bad("the line %v leaves the drawing", l)
		}
		for _, id := range g.order {
			o := g.boxes[id]
			if l.from == "" && strings.HasPrefix(g.class[id], "flow") {
				continue // a line within it
			}
			if s.x1 < o.x2 && o.x1 < s.x2 && s.y1 < o.y2 && o.y1 < s.y2 {
				bad("the line from %s to %s, %v, passes through %s, %v", l.from, l.to, l.points, id, o)
			}
		}
	}
}
