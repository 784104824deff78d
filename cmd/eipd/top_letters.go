package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// lettersView are the dead letters of a flow, in groups by cause.
type lettersView struct {
	place
	flow    string
	colours bool
	seen    control.LettersSeen
}

// openLetters looks into a flow's dead letters, and shows them.
func (l *live) openLetters(flow string) work {
	l.note = "looking into the dead letters of " + flow + " …"
	return func(ctx context.Context) func() {
		_, seen, err := l.letters(ctx, "letters", flow, "")
		return func() {
			if l.note = ""; err != nil {
				l.note = flat(err)
				return
			}
			v := &lettersView{place: place{at: min(0, len(seen.Groups)-1)}, flow: flow, colours: l.colours, seen: seen}
			if old, ok := l.seen().(*lettersView); ok { // it is looked at again
				v.place, l.above = old.place, l.above[:len(l.above)-1]
			}
			l.open(v)
			l.note = v.price()
		}
	}
}

// price says what the look has cost, where it cost anything.
func (v *lettersView) price() string {
	var said strings.Builder
	(&dlq{}).prices(&said, v.seen.Queues)
	return strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(said.String()), "\neipd:", ";"), "eipd: ", "")
}

func (v *lettersView) title() string {
	var summary strings.Builder
	_ = lettersSummary(&summary, v.seen) // a Builder takes everything
	return strings.TrimSpace(summary.String())
}

func (*lettersView) help() string {
	return "⏎ show a letter  r replay one letter  u look again  esc back  q quit"
}

func (v *lettersView) lines(width int) (string, []string) {
	g := (&viewer{colours: v.colours}).grid("GROUP", "COUNT", "LAST", "STAGE", "ERROR")
	for _, one := range v.seen.Groups {
		g.add(cell{text: shortest(one.ID, v.seen.Groups)}, number(fmt.Sprint(one.Count)), number(ago(one.Last)), cell{text: one.Stage}, cell{text: one.Error})
	}
	g.marked = v.at + 1
	lines := g.lines(width)
	return lines[0], lines[1:]
}

func (v *lettersView) key(l *live, k key) work {
	if k == 'u' {
		return l.openLetters(v.flow)
	}
	if k != keyEnter && k != 'r' || v.at < 0 || len(v.seen.Groups[v.at].Samples) == 0 {
		return nil
	}
	id := v.seen.Groups[v.at].Samples[0]
	if k == 'r' {
		return l.replay(v.flow, id)
	}
	return l.openLetter(v.flow, id)
}

// openLetter shows a letter.
func (l *live) openLetter(flow, id string) work {
	l.note = "looking for letter " + shortID(id) + " …"
	return func(ctx context.Context) func() {
		letter, seen, err := l.letters(ctx, "letters_body", flow, id)
		var text strings.Builder
		if err == nil && letter == nil {
			err = fmt.Errorf("letter %s is no longer there", shortID(id))
		}
		if err == nil {
			err = (&dlqShow{letter}).end(&dlq{}, &text, seen)
		}
		return func() {
			if l.note = ""; err != nil {
				l.note = flat(err)
				return
			}
			v := newTextView("letter "+shortID(id)+" of "+flow, func(int) string { return text.String() })
			v.keys = "r replay this letter  "
			v.do = func(l *live, k key) work {
				if k != 'r' {
					return nil
				}
				return l.replay(flow, id)
			}
			l.open(v)
		}
	}
}

// replay passes one letter through its flow once more, and shows what became of it.
func (l *live) replay(flow, id string) work {
	l.note = "replaying letter " + shortID(id) + " …"
	return func(ctx context.Context) func() {
		j, err := l.tryOne(ctx, flow, id)
		_, seen, looked := l.letters(ctx, "letters", flow, "")
		return func() {
			if l.note = ""; err != nil {
				l.note = flat(err)
				return
			}
			for i, v := range l.above { // the way back is to the groups as they are now
				if v, ok := v.(*lettersView); ok && looked == nil {
					v.seen, l.above = seen, l.above[:i+1]
					break
				}
			}
			l.open(newTextView(fmt.Sprintf("replay of letter %s of %s", shortID(id), flow), func(int) string { return outcome(j) }))
		}
	}
}

// outcome says what became of the one letter of a job.
func outcome(j deadletter.Job) string {
	var text strings.Builder
	switch m := j.Messages; {
	case m.FailedAgain > 0:
		text.WriteString("It failed again, and waits with the dead letters.\n\n")
	case m.Passed == j.Total:
		text.WriteString("It passed: the flow has done with it.\n\n")
	default:
		text.WriteString("It was not replayed.\n\n")
	}
	text.WriteString(jobLine(j) + "\n")
	if j.Why != "" {
		text.WriteString(j.Why + "\n")
	}
	_ = jobDetails(&text, j) // a Builder takes everything
	return text.String()
}

// tryOne has a job replay one letter, and returns it when it does not run any more.
func (l *live) tryOne(ctx context.Context, flow, id string) (j deadletter.Job, err error) {
	d := &dlq{bus: l.top.bus}
	if d.instance, err = d.leastBusy(ctx, l.asked, flow); err != nil {
		return j, err
	}
	take := func(r control.Reply) error { return r.Read(&j) }
	err = d.ask(ctx, l.asked, d.command("job", flow, map[string]any{"action": "create", "ids": []string{id}, "canary": "none"}), take)
	for err == nil && (j.State == deadletter.Running || j.State == deadletter.Draft) {
		err = d.ask(ctx, l.asked, d.command("jobs", j.ID, map[string]any{"follow": true}), take)
	}
	return j, cmp.Or(err, ctx.Err())
}

// letters gives a command that reads letters of a flow, and returns the last one that is
// shown, and what else was seen.
func (l *live) letters(ctx context.Context, command, flow, id string) (letter *control.Reply, seen control.LettersSeen, err error) {
	d := &dlq{bus: l.top.bus}
	if id != "" {
		d.ids = []string{id}
	}
	who, err := d.processes(ctx, l.asked, flow)
	if err != nil {
		return nil, seen, err
	}
	d.instance = who[0]
	err = d.ask(ctx, l.asked, d.command(command, flow, d.args()), func(r control.Reply) error {
		var began control.LettersLooking
		switch {
		case !r.OK:
			return r.Read(nil)
		case !r.More:
			return r.Read(&seen)
		case r.Read(&began) != nil || began.Looking == nil:
			letter = &r
		}
		return nil
	})
	return letter, seen, err
}
