package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

// live is the table that moves.
type live struct {
	top     *topCommand
	asked   *asked
	out     io.Writer
	size    func() (width, height int)
	colours bool

	now    *snapshot
	chosen string // an address
	first  int    // the first line that is seen
	note   string // what the last key came to
	sure   string // the flow whose stop in all processes is to be confirmed
}

// run shows what processes say, and does what keys tell, until ctx ends or a key
// says so.
func (l *live) run(ctx context.Context, keys <-chan key, resized <-chan os.Signal) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	looked, done := make(chan *snapshot, 1), make(chan string, 1)
	looking, acting := false, false
	next := time.NewTimer(l.top.every)
	defer next.Stop()
	for {
		if err := l.draw(); err != nil {
			return failure{exitFailed, err}
		}
		select {
		case <-next.C:
			if !looking {
				looking = true
				beside.Go(func() { looked <- l.top.look(ctx, l.asked) })
			}
		case s := <-looked:
			looking = false
			l.take(s)
			next.Reset(l.top.every)
		case l.note = <-done:
			acting = false
			next.Reset(0)
		case <-resized:
		case k, more := <-keys:
			do := l.key(k)
			switch {
			case !more || k == keyQuit:
				return nil
			case do != nil && acting:
				l.note = "wait for what was told before"
			case do != nil:
				acting = true
				b := l.top.bus
				if l.asked.shared && b.expect == 0 {
					b.expect = len(l.now.instances)
				}
				beside.Go(func() { done <- tell(ctx, &b, l.asked, *do) })
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// take shows a snapshot; where nobody has answered, the last one stays.
func (l *live) take(s *snapshot) {
	if s.err != nil && len(s.lines) == 0 {
		s.lines, s.at = l.now.lines, l.now.at
	}
	l.now = s
}

// key does what a key tells, and returns a command that is to be given.
func (l *live) key(k key) *control.Command {
	l.note = ""
	sure := l.sure
	l.sure = ""
	lines := l.now.lines
	at := slices.IndexFunc(lines, func(t *topLine) bool { return t.address == l.chosen })
	if len(lines) == 0 {
		return nil
	}
	_, height := l.size()
	if to, moves := map[key]int{keyUp: max(at-1, 0), keyDown: at + 1, keyPageUp: max(at-room(height), 0), keyPageDown: at + room(height), keyHome: 0, keyEnd: len(lines)}[k]; moves {
		l.chosen = lines[min(to, len(lines)-1)].address
		return nil
	}
	if k != keySwitch && k != keyStop {
		return nil
	}
	if at < 0 {
		l.note = "choose a line first, with the arrows"
		return nil
	}
	var c control.Command
	switch t := lines[at]; {
	case k == keyStop && t.kind == flowKind:
		c = l.top.command("stop", t.address, nil)
		if t.on == 0 {
			c.Command = "start"
		}
		if n := len(l.now.instances); n > 1 && c.Command == "stop" && sure != t.address {
			l.sure, l.note = t.address, fmt.Sprintf("s again stops %s in all %d processes", t.address, n)
			return nil
		}
	case k == keyStop:
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
	l.note = c.Command + " " + c.Target + " …"
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
		return strings.ReplaceAll(err.Error(), "\n", " ")
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

// besides are the lines of the screen that are not in the table's body.
const besides = 5

// room is how many lines of the table fit a screen.
func room(height int) int { return max(1, height-besides) }

const (
	fromTop   = "\x1b[H"
	clearLine = "\x1b[2K"
	newLine   = "\r\n"
	clearRest = "\x1b[J"
)

// draw writes the whole screen at once.
func (l *live) draw() error {
	width, height := l.size()
	width-- // a full line would leave the cursor between two
	g := l.now.grid(l.colours, l.chosen)
	if g.marked > 0 {
		l.first = min(l.first, g.marked-1)
		l.first = max(l.first, g.marked-room(height))
	}
	l.first = max(0, min(l.first, len(l.now.lines)-room(height)))
	table := g.lines(width)
	put := func(text string, st style) string { return styled(cut(visible.Line(text), width), st, l.colours) }
	rows := []string{put(l.title(), bold), "", table[0]}
	rows = append(rows, table[1+l.first:min(len(table), 1+l.first+room(height))]...)
	switch {
	case l.now.err != nil:
		rows = append(rows, put(strings.ReplaceAll(l.now.err.Error(), "\n", " "), red))
	case l.note == "" && len(l.now.lost) > 0:
		rows = append(rows, put(strings.Join(l.now.lost, "; "), red))
	default:
		rows = append(rows, put(l.note, yellow))
	}
	rows = append(rows, put("↑↓ choose  space switch on or off  s stop or start a flow  q quit", faint))
	rows = rows[:min(len(rows), height)]
	_, err := io.WriteString(l.out, fromTop+clearLine+strings.Join(rows, newLine+clearLine)+clearRest)
	return err
}

func (l *live) title() string {
	who := strings.Join(l.now.instances, ", ")
	if n := len(l.now.instances); n > 3 {
		who = fmt.Sprintf("%d processes", n)
	}
	more := ""
	if hidden := len(l.now.lines) - l.first; hidden > 0 && l.first > 0 {
		more = fmt.Sprintf("  from line %d of %d", l.first+1, len(l.now.lines))
	}
	return fmt.Sprintf("eipd top  %s  %s%s", l.now.at.Format(time.TimeOnly), who, more)
}
