package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/internal/visible"
)

// A view is one of the things that top shows.
type view interface {
	title() string
	help() string // its keys
	// lines are its head, which stays, and its body, of which where says what is seen.
	lines(width int) (head string, body []string)
	where() *place
	// key does what a key tells that is not about where, and may return work.
	key(*live, key) work
}

// work goes on beside the screen; what it returns is done to the screen at its end.
type work func(context.Context) func()

// place is where somebody is in a body.
type place struct {
	at    int  // the chosen line, or -1
	first int  // the first one that is seen
	read  bool // no line is chosen: keys move what is seen
}

func (p *place) where() *place { return p }

// move does what a key tells in a body of so many lines, of which a screen has room for
// some; false: it tells something else.
func (p *place) move(k key, of, room int) bool {
	at := p.at
	if p.read {
		at = p.first
	}
	to, moves := map[key]int{keyUp: at - 1, 'k': at - 1, keyDown: at + 1, 'j': at + 1, keyPageUp: at - room, keyPageDown: at + room, keyHome: 0, keyEnd: of}[k]
	switch {
	case !moves:
	case p.read:
		p.first = to // see clamps it
	case of > 0:
		p.at = max(0, min(to, of-1))
	}
	return moves
}

// see returns which lines of a body are seen, and keeps the chosen one among them.
func (p *place) see(of, room int) (from, to int) {
	p.at = min(p.at, of-1)
	if !p.read && p.at >= 0 {
		p.first = max(min(p.first, p.at), p.at+1-room)
	}
	p.first = max(0, min(p.first, of-room))
	return p.first, min(of, p.first+room)
}

// live is the screen of top.
type live struct {
	top     *topCommand
	asked   *asked
	out     io.Writer
	size    func() (width, height int)
	colours bool

	flows *flowsView
	above []view    // what was opened since, the last of which is seen
	note  string    // what the last key came to
	types func(key) // who gets letters that are typed; nil: they are keys
}

func (l *live) seen() view {
	if n := len(l.above); n > 0 {
		return l.above[n-1]
	}
	return l.flows
}

func (l *live) open(v view) { l.above = append(l.above, v) }

// run shows what processes say, and does what keys tell, until ctx ends or a key
// says so.
func (l *live) run(ctx context.Context, keys <-chan key, resized <-chan os.Signal) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	looked, done := make(chan *snapshot, 1), make(chan func(), 1)
	looking, working := false, false
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
			l.flows.take(s)
			next.Reset(l.top.every)
		case end := <-done:
			working = false
			end()
			next.Reset(0)
		case <-resized:
		case k, more := <-keys:
			if !more || k == keyQuit || k == 'q' && l.types == nil {
				return nil
			}
			if do := l.key(k); do != nil && working {
				l.note = "wait for what was told before"
			} else if do != nil {
				working = true
				beside.Go(func() { done <- do(ctx) })
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// key does what a key tells, and returns work that it makes.
func (l *live) key(k key) work {
	if l.types != nil {
		l.types(k)
		return nil
	}
	l.note = ""
	width, height := l.size()
	v := l.seen()
	_, body := v.lines(width)
	back := k == keyBack || k == keyErase
	switch {
	case v.where().move(k, len(body), room(height)):
		return nil
	case back && len(l.above) > 0:
		l.above = l.above[:len(l.above)-1]
		return nil
	}
	return v.key(l, k)
}

// besides are the lines of the screen that are not in the body.
const besides = 5

// room is how many lines of a body fit a screen.
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
	v, s := l.seen(), l.flows.now
	head, body := v.lines(width)
	from, to := v.where().see(len(body), room(height))
	title := v.title()
	if from > 0 || to < len(body) {
		title += fmt.Sprintf("  from line %d of %d", from+1, len(body))
	}
	put := func(text string, st style) string { return styled(cut(visible.Line(text), width), st, l.colours) }
	rows := append([]string{put("eipd top  "+title, bold), "", head}, body[from:to]...)
	switch {
	case s.err != nil:
		rows = append(rows, put(flat(s.err), red))
	case l.note == "" && len(s.lost) > 0:
		rows = append(rows, put(strings.Join(s.lost, "; "), red))
	default:
		rows = append(rows, put(l.note, yellow))
	}
	rows = append(rows, put(v.help(), faint))
	rows = rows[:min(len(rows), height)]
	_, err := io.WriteString(l.out, fromTop+clearLine+strings.Join(rows, newLine+clearLine)+clearRest)
	return err
}

// flat is an error's text on one line.
func flat(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }
