package graph

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// SVG draws a Model, as far as o says, as one SVG file without scripts, fonts or references to
// the outside. It returns a line that says what was left out; "": nothing.
func SVG(w io.Writer, m *Model, o Options) (note string, err error) {
	view, depth, err := m.View(o)
	if err != nil {
		return "", err
	}
	if depth < min(o.Depth, 2) {
		note = fmt.Sprintf("drawn at depth %d: at depth %d it would have more than %d nodes or %d edges", depth, o.Depth, MaxNodes, MaxEdges)
	}
	s := &svg{picture: draw(view.labelled(), o), icons: map[string]bool{}}
	_, err = io.WriteString(w, s.document(m.Summary(), note))
	return note, err
}

type svg struct {
	*picture
	body  strings.Builder
	icons map[string]bool
}

func (s *svg) f(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case float64:
			args[i] = number(a)
		case string:
			args[i] = escape(a)
		}
	}
	fmt.Fprintf(&s.body, format, args...)
}

// number writes a length with one decimal at most.
func number(x float64) markup {
	return markup(strconv.FormatFloat(math.Round(x*10)/10+0, 'f', -1, 64))
}

// markup is what needs no escaping.
type markup string

// escape makes text of what files say, and never markup.
func escape(text string) markup {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '&':
			out.WriteString("&amp;")
		case r == '<':
			out.WriteString("&lt;")
		case r == '>':
			out.WriteString("&gt;")
		case r == '"':
			out.WriteString("&quot;")
		case r == '\n', r == '\t':
			out.WriteByte(' ')
		case r < ' ', r == 0xFFFE, r == 0xFFFF, r >= 0x7f && r < 0xa0:
			out.WriteRune('\uFFFD')
		default:
			out.WriteRune(r)
		}
	}
	return markup(out.String())
}

func (s *svg) document(summary, note string) string {
	title := "Flows"
	switch {
	case s.o.Flow != "":
		title = "Flow " + s.o.Flow
	case s.o.States != "":
		title = "States of " + s.o.States
	}
	about := strings.Join(slices.DeleteFunc([]string{summary, s.o.Note, note}, func(t string) bool { return t == "" }), "; ")
	for _, b := range s.boxes {
		if b.frame != nil {
			s.frame(b)
		}
	}
	for _, failures := range []bool{false, true} {
		for _, w := range s.wires {
			if w.edge.failure() == failures {
				s.wire(&w)
			}
		}
	}
	for _, b := range s.boxes {
		if b.frame == nil {
			s.box(b)
		} else {
			s.stages(b)
		}
	}
	if s.o.Note != "" {
		s.h += 18
		s.f(`<text class="quiet start" x="12" y="%v">%v</text>`+"\n", s.h-8, s.o.Note)
	}
	drawn := s.body.String()
	s.body.Reset()
	s.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %v %v" width="%[1]v" height="%[2]v" role="img" aria-labelledby="eipd-title eipd-desc">`+"\n", s.w, s.h)
	s.f(`<title id="eipd-title">%v</title>`+"\n"+`<desc id="eipd-desc">%v</desc>`+"\n", title, about)
	s.body.WriteString("<style>\n" + style(s.o.Theme) + "</style>\n<defs>\n" + markers + usedIcons(s.icons) + "</defs>\n")
	return s.body.String() + drawn + "</svg>\n"
}

// open begins the group of a node, in which places are from x and y.
func (s *svg) open(n *Node, class string, x, y float64) {
	if s.o.LinkBase != "" && n.At != "" {
		s.f(`<a href="%v">`, s.o.LinkBase+link(n.At))
	}
	s.f(`<g id="%v" class="%v" transform="translate(%v %v)"`, n.ID, class, x, y)
	if n.At != "" {
		s.f(` data-at="%v"`, n.At)
	}
	s.f("><title>%v</title>", n.tooltip())
}

func (s *svg) close(n *Node) {
	s.body.WriteString("</g>")
	if s.o.LinkBase != "" && n.At != "" {
		s.body.WriteString("</a>")
	}
	s.body.WriteByte('\n')
}

// link makes of FILE:LINE what follows the base of links.
func link(at string) string {
	i := strings.LastIndexByte(at, ':')
	return at[:i] + "#L" + at[i+1:]
}

// tooltip says all that is known of a node.
func (n *Node) tooltip() string {
	parts := []string{n.address()}
	switch {
	case n.Pattern != "":
		parts = append(parts, n.Pattern)
	case n.Adapter != "":
		parts = append(parts, n.Adapter)
	default:
		parts = append(parts, n.Kind)
	}
	if n.If != "" {
		parts = append(parts, "if "+n.If)
	}
	if n.State != "" {
		parts = append(parts, n.State)
	}
	if n.May != nil {
		parts = append(parts, "one of "+strings.Join(n.May, ", "))
	}
	if n.At != "" {
		parts = append(parts, n.At)
	}
	return strings.Join(parts, " · ")
}

func off(n *Node) string {
	if n.State == Off {
		return " off"
	}
	return ""
}

func (s *svg) frame(b *box) {
	n, f := b.node, b.frame
	s.open(n, "flow"+off(n), b.x, b.y)
	s.f(`<rect width="%v" height="%v" rx="8"/>`, b.w, b.h)
	plain := len(f.cells) == 0
	x, y := frameSide-4, 18.0
	if s.o.Down && !plain {
		x = entryInset + 10
	}
	if plain {
		y = 24
	}
	class := "name"
	if plain && f.note == "" {
		class, x = "name mid", b.w/2
	}
	s.f(`<text class="%v" x="%v" y="%v">%v</text>`, class, x, y, f.title)
	if f.note != "" {
		s.f(`<text class="quiet end" x="%v" y="%v">%v</text>`, b.w-10, y, strings.TrimSpace(f.note))
	}
	for _, l := range f.lines {
		class := "line " + l.kind
		if l.off {
			class += " off"
		}
		s.f("\n"+`<path class="%v" d="%v"`, strings.TrimSpace(class), rounded(l.points))
		if (l.kind == Request || l.kind == Reply) && f.touches(l.points[0]) {
			s.body.WriteString(` marker-start="url(#eipd-open)"`)
		}
		if l.arrow {
			s.body.WriteString(` marker-end="url(#eipd-to)"`)
		}
		s.body.WriteString("/>")
	}
	for _, t := range f.notes {
		s.f("\n"+`<text class="%v start" x="%v" y="%v">%v`, t.class, t.x, t.y, t.text)
		if t.title != "" {
			s.f(`<title>%v</title>`, t.title)
		}
		s.body.WriteString("</text>")
	}
	s.close(n)
}

func (s *svg) stages(b *box) {
	for _, c := range b.frame.cells {
		n := c.node
		s.open(n, "stage "+n.Kind+off(n), b.x+c.x, b.y+c.y)
		s.f(`<rect width="%v" height="%v" rx="5"/>`, c.w, c.h)
		quiet := ""
		if n.Name != "" {
			quiet = words(n.Kind)
		}
		if n.State != "" {
			quiet = "(" + n.State + ")"
		}
		gap := 0.0
		if quiet == "" {
			gap = 2
		}
		s.icon(n, c.w/2-9, 7+gap)
		at := 37 + 2*gap
		for _, l := range c.lines {
			s.f(`<text x="%v" y="%v">%v</text>`, c.w/2, at, l)
			at += 14
		}
		if quiet != "" {
			s.f(`<text class="quiet" x="%v" y="%v">%v</text>`, c.w/2, at-2, quiet)
		}
		s.close(n)
	}
}

func (s *svg) icon(n *Node, x, y float64) {
	icon := iconOf(n)
	s.icons[icon] = true
	s.f(`<use class="i" href="#i-%v" x="%v" y="%v" width="18" height="18"/>`, icon, x, y)
}

func (s *svg) box(b *box) {
	n := b.node
	class, round := n.Kind, 6.0
	if n.channel() {
		class, round = "channel "+class, min(b.h/2, 17)
	}
	if n.Implicit {
		class += " implicit"
	}
	if n.Kind == KindUnknown {
		s.open(n, class, b.x, b.y)
		s.f(`<path class="shape" d="M0 %[2]vl%[1]v -%[2]vl%[1]v %[2]vl-%[1]v %[2]vz"/>`, b.w/2, b.h/2)
		s.f(`<text x="%v" y="%v">?</text>`, b.w/2, b.h/2+4)
		s.close(n)
		return
	}
	look := markup("")
	switch {
	case n.state():
		class, round = "stage "+class, 13
		if n.Kind == KindFinal {
			look = ` stroke-width="3"`
		}
	case n.stage():
		class = "stage " + class
	case n.Kind == kindLabel:
		look = ` fill="none"`
	}
	s.open(n, class, b.x, b.y)
	s.f(`<rect class="shape"%v width="%v" height="%v" rx="%v"/>`, look, b.w, b.h, round)
	at, x := b.text, b.w/2
	if n.icon() {
		s.icon(n, 11, b.h/2-9)
		x += iconRoom / 2
	}
	for _, l := range b.lines {
		s.f(`<text x="%v" y="%v">%v</text>`, x, at, l)
		at += 16
	}
	if b.quiet != "" {
		s.f(`<text class="quiet" x="%v" y="%v">%v</text>`, x, at-2, b.quiet)
	}
	s.close(n)
}
