package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/visible"
)

// groupsShown is how many groups are printed where all are not asked for.
const groupsShown = 20

// dlqGroups shows groups, the largest first.
type dlqGroups struct {
	by  string
	all bool
}

func (*dlqGroups) letter(control.Reply) error { return nil }

func (v *dlqGroups) end(d *dlq, out io.Writer, seen control.LettersSeen) error {
	if d.asJSON {
		seen.Groups = append([]deadletter.Group{}, seen.Groups...)
		return printJSON(out, struct {
			Groups []deadletter.Group  `json:"groups"`
			Other  int                 `json:"other,omitempty"`
			Read   int                 `json:"read"`
			Of     int                 `json:"of"`
			Queues []control.LettersIn `json:"queues"`
		}{seen.Groups, seen.Other, seen.Read, seen.Of, seen.Queues})
	}
	names := map[string][]string{"stage": {"FLOW", "STAGE"}, "error": {"FLOW", "ERROR"}, "type": {"FLOW", "TYPE"}, "day": {"FLOW", "DAY"}}[v.by]
	if names == nil {
		names = []string{"GROUP", "FLOW", "STAGE"}
	}
	g := (&viewer{colours: colourful(out)}).grid(append(names, "COUNT", "LAST")...)
	cause := len(names) == 3
	if cause {
		g.rows[0] = append(g.rows[0], head("ERROR")...)
	}
	shown := seen.Groups
	if !v.all {
		shown = shown[:min(len(shown), groupsShown)]
	}
	for _, one := range shown {
		row := texts(one.Flow, one.Stage+one.Error+one.Type+one.Day)
		if cause {
			row = texts(shortest(one.ID, seen.Groups), one.Flow, one.Stage)
		}
		row = append(row, number(fmt.Sprint(one.Count)), number(ago(one.Last)))
		if cause {
			row = append(row, texts(strings.TrimPrefix(one.Error, one.Stage+": "))...)
		}
		g.add(row...)
		if cause && len(one.Values) > 0 {
			g.add(append(texts("", "", "", "", ""), cell{text: frequent(one.Values), style: faint})...)
		}
	}
	if len(seen.Groups) > 0 {
		if err := g.print(out); err != nil {
			return err
		}
	}
	if left := len(seen.Groups) - len(shown); left > 0 {
		fmt.Fprintf(out, "… and %d more groups: --all shows them\n", left)
	}
	return lettersSummary(out, seen)
}

// shortest is how a group is told from the others: by four digits, or more.
func shortest(id string, among []deadletter.Group) string {
	for n := min(4, len(id)); n < len(id); n++ {
		if !slices.ContainsFunc(among, func(g deadletter.Group) bool { return g.ID != id && strings.HasPrefix(g.ID, id[:n]) }) {
			return id[:n]
		}
	}
	return id
}

// frequent says what stands most often in the place of a ….
func frequent(values []deadletter.Value) string {
	var all []string
	for _, v := range values {
		all = append(all, fmt.Sprintf("%s (%d×)", v.Text, v.Count))
	}
	return "…: " + strings.Join(all, ", ")
}

// lettersSummary says how much was looked at, and where.
func lettersSummary(out io.Writer, seen control.LettersSeen) error {
	var queues []string
	for _, in := range seen.Queues {
		if in.Of != 0 || len(seen.Queues) == 1 {
			queues = append(queues, in.Queue)
		}
	}
	of := ""
	if seen.Of >= 0 && seen.Of != seen.Read {
		of = fmt.Sprintf(" of %d", seen.Of)
	} else if seen.Of < 0 {
		of = ", and there may be more,"
	}
	text := fmt.Sprintf("%d of the %d%s letters that were read in %s", seen.Found, seen.Read, of, strings.Join(queues, ", "))
	switch {
	case len(queues) == 0:
		text = "no dead letters"
	case seen.Found == seen.Read:
		text = fmt.Sprintf("%d%s letters in %s", seen.Read, of, strings.Join(queues, ", "))
	}
	if seen.Other > 0 {
		text += fmt.Sprintf("; %d of other groups", seen.Other)
	}
	if seen.More {
		text += "; more than are shown: --limit shows up to 1000"
	}
	_, err := fmt.Fprintln(out, visible.Line(text))
	return err
}

// ago says how long a time has passed.
func ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	switch d := max(time.Since(t), 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

func newDlqLs() *cobra.Command {
	d, limit, view := &dlq{}, 0, &dlqList{}
	cmd := &cobra.Command{
		Use:   "ls [FLOW]",
		Short: "List dead letters",
		Long: `Lists the dead letters of a flow, or of all flows of the process, in the order of
their queue. With --json, they have their headers and bodies, cut at 64 KiB, without
what the process redacts.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: d.completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			if limit < 1 {
				return errors.New("--limit must be at least 1")
			}
			args, command := d.args(), "letters"
			if args["limit"] = limit; d.asJSON {
				command = "letters_body"
			} else {
				args["list"] = true
			}
			return d.look(cmd, command, flowOf(words), args, view)
		},
	}
	d.flags(cmd)
	d.json(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "show this `number` of letters at most")
	cmd.Flags().BoolVar(&view.ids, "ids", false, "print only their ids, for scripts")
	cmd.MarkFlagsMutuallyExclusive("ids", "json")
	return cmd
}

// dlqList shows letters, a line each.
type dlqList struct {
	ids     bool // and nothing else
	replies []control.Reply
}

func (v *dlqList) letter(r control.Reply) error {
	v.replies = append(v.replies, r)
	return nil
}

func (v *dlqList) end(d *dlq, out io.Writer, seen control.LettersSeen) error {
	defer func() { v.replies = nil }()
	if d.asJSON {
		letters := make([]json.RawMessage, len(v.replies))
		for i, r := range v.replies {
			letters[i] = r.Result
		}
		return printJSON(out, struct {
			Letters []json.RawMessage   `json:"letters"`
			Found   int                 `json:"found"`
			Read    int                 `json:"read"`
			Of      int                 `json:"of"`
			Cost    []control.LettersIn `json:"cost"`
		}{letters, seen.Found, seen.Read, seen.Of, seen.Queues})
	}
	g := (&viewer{colours: colourful(out)}).grid("ID", "GROUP", "FLOW", "STAGE", "FAILED", "ATTEMPTS", "ERROR")
	for _, r := range v.replies {
		var l control.Letter
		if err := r.Read(&l); err != nil {
			return err
		}
		if v.ids {
			fmt.Fprintln(out, visible.Line(l.ID))
			continue
		}
		said := l.Error
		if l.Edited != "" {
			said += " (edited)"
		}
		if l.Taken {
			said += " (somebody has it at the moment)"
		}
		g.add(cell{text: shortID(l.ID)}, cell{text: l.Group[:min(4, len(l.Group))]}, cell{text: l.Flow}, cell{text: l.Stage}, number(ago(l.Failed)), number(fmt.Sprint(l.Attempts)), cell{text: oneLine(strings.TrimPrefix(said, l.Stage+": "))})
	}
	if v.ids {
		return nil
	}
	if len(v.replies) > 0 {
		if err := g.print(out); err != nil {
			return err
		}
	}
	return lettersSummary(out, seen)
}

// shortID is as much of an id as people need: all of one with a number.
func shortID(id string) string {
	if strings.Contains(id, "-") {
		return id
	}
	return id[:min(8, len(id))]
}
