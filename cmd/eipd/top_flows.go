package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// flowsView is the table of flows, stages and channels.
type flowsView struct {
	place
	colours bool
	now     *snapshot
	shown   []*topLine // of now
	filter  string     // what addresses must hold
	by      int        // the column that is sorted by; 0: the addresses
	sure    string     // the flow whose stop in all processes is to be confirmed
}

func newFlowsView(s *snapshot, colours bool) *flowsView {
	v := &flowsView{place: place{at: -1}, colours: colours, now: s}
	v.arrange()
	return v
}

// take shows a snapshot; where nobody has answered, the last one stays.
func (v *flowsView) take(s *snapshot) {
	if s.err != nil && len(s.lines) == 0 {
		s.lines, s.at = v.now.lines, v.now.at
	}
	v.now = s
	v.arrange()
}

// arrange filters and sorts the lines; what was chosen stays so.
func (v *flowsView) arrange() {
	chosen := v.chosen()
	v.shown = slices.DeleteFunc(slices.Clone(v.now.lines), func(l *topLine) bool { return !strings.Contains(l.address, v.filter) })
	if v.by > 0 {
		of := topColumns[v.by].of
		slices.SortStableFunc(v.shown, func(a, b *topLine) int {
			x, known := of(a)
			y, also := of(b)
			switch {
			case known != also:
				return after(!known) - after(!also)
			case x > y:
				return -1
			}
			return after(x < y)
		})
	}
	if chosen != nil {
		v.at = slices.IndexFunc(v.shown, func(l *topLine) bool { return l.address == chosen.address })
	}
}

func (v *flowsView) chosen() *topLine {
	if v.at < 0 || v.at >= len(v.shown) {
		return nil
	}
	return v.shown[v.at]
}

func (v *flowsView) title() string {
	who := strings.Join(v.now.instances, ", ")
	if n := len(v.now.instances); n > 3 {
		who = fmt.Sprintf("%d processes", n)
	}
	title := v.now.at.Format(time.TimeOnly) + "  " + who
	if v.by > 0 {
		title += "  by " + topColumns[v.by].name
	}
	if v.filter != "" {
		title += "  /" + v.filter
	}
	return title
}

func (*flowsView) help() string {
	return "⏎ dead letters  g graph  / find  o sort  space on, off  s stop, start  q quit"
}

func (v *flowsView) lines(width int) (string, []string) {
	g := v.now.grid(v.shown, v.colours)
	g.marked = v.at + 1
	lines := g.lines(width)
	return lines[0], lines[1:]
}

func (v *flowsView) key(l *live, k key) work {
	sure := v.sure
	v.sure = ""
	switch k {
	case '/':
		v.filter = ""
		l.note, l.types = "show lines that hold: /", func(k key) { v.typed(l, k) }
		v.arrange()
		return nil
	case keyBack:
		v.filter, v.by = "", 0
		v.arrange()
		return nil
	case 'o', 'O':
		v.by = nextColumn(v.by, k == 'O')
		v.arrange()
		return nil
	case keyEnter, 'g', ' ', 's':
	default:
		return nil
	}
	t := v.chosen()
	if t == nil {
		l.note = "choose a line first, with the arrows"
		return nil
	}
	switch flow, _, _ := strings.Cut(t.address, "."); {
	case k == keyEnter && t.wait != nil:
		if flow = v.now.keeps(t.address); flow == "" {
			l.note = "no flow has its dead letters there"
			return nil
		}
		return l.openLetters(flow)
	case k == keyEnter:
		return l.openLetters(flow)
	case k == 'g' && t.wait != nil:
		l.note = "choose a flow to see its graph"
		return nil
	case k == 'g':
		return l.openGraph(flow)
	}
	c := v.command(l, k, t, sure)
	if c == nil {
		return nil
	}
	l.note = c.Command + " " + c.Target + " …"
	b := l.top.bus
	if l.asked.shared && b.expect == 0 {
		b.expect = len(v.now.instances)
	}
	return func(ctx context.Context) func() {
		said := tell(ctx, &b, l.asked, *c)
		return func() { l.note = said }
	}
}

// typed takes a letter of the filter.
func (v *flowsView) typed(l *live, k key) {
	switch runes := []rune(v.filter); {
	case k == keyEnter, k == keyBack:
		l.types, l.note = nil, ""
		if k == keyBack {
			v.filter = ""
		}
		v.arrange()
		return
	case k == keyErase:
		v.filter = string(runes[:max(0, len(runes)-1)])
	case k > 0 && len(runes) < 100:
		v.filter += string(rune(k))
	}
	l.note = "show lines that hold: /" + v.filter
	v.arrange()
}

// command is what a key tells the processes about a line.
func (v *flowsView) command(l *live, k key, t *topLine, sure string) *control.Command {
	var c control.Command
	switch {
	case k == 's' && t.kind == flowKind:
		c = l.top.command("stop", t.address, nil)
		if t.on == 0 {
			c.Command = "start"
		}
		if n := len(v.now.instances); n > 1 && c.Command == "stop" && sure != t.address {
			v.sure, l.note = t.address, fmt.Sprintf("s again stops %s in all %d processes", t.address, n)
			return nil
		}
	case k == 's':
		l.note = "only flows stop and start"
		return nil
	case t.kind == flowKind:
		l.note = "s stops and starts a flow"
		return nil
	case t.of == 0:
		l.note = t.address + " has no switch"
		return nil
	default: // on where it is on in some only
		c = l.top.command("set", t.address, map[string]any{"enabled": t.on < t.of})
	}
	return &c
}

// tell gives a command, and returns what came of it.
func tell(ctx context.Context, b *bus, a *asked, c control.Command) string {
	done, refused := 0, error(nil)
	err := b.ask(ctx, a, c, func(r control.Reply) error {
		if r.OK {
			done++
		} else {
			refused = errors.Join(refused, fmt.Errorf("%s: %w", r.Instance, r.Read(nil)))
		}
		return nil
	})
	if err = errors.Join(refused, err); err != nil {
		return flat(err)
	}
	what := c.Command + " " + c.Target
	if c.Args != nil {
		what += " " + pairs(c.Args)
	}
	if done > 1 {
		what += fmt.Sprintf(", in %d processes", done)
	}
	return what
}
