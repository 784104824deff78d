package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

func newDlqShow() *cobra.Command {
	d := &dlq{}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one dead letter",
		Long: `Shows a dead letter with its headers and its body, cut at 64 KiB, without what the
process redacts. That somebody has read it is in the audit record.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, words []string) error {
			d.ids = words
			return d.look(cmd, "letters_body", d.flow, d.args(), &dlqShow{})
		},
	}
	d.one(cmd)
	d.json(cmd)
	return cmd
}

// dlqShow shows one letter.
type dlqShow struct{ reply *control.Reply }

func (v *dlqShow) letter(r control.Reply) error {
	v.reply = &r
	return nil
}

func (v *dlqShow) end(d *dlq, out io.Writer, _ control.LettersSeen) error {
	if v.reply == nil {
		return nil
	}
	if d.asJSON {
		return printJSON(out, v.reply.Result)
	}
	var l control.Letter
	if err := v.reply.Read(&l); err != nil {
		return err
	}
	g := &grid{colours: colourful(out)}
	g.rows = [][]cell{} // it has no head
	add := func(name, text string) {
		if text != "" {
			g.add(cell{text: name, style: bold}, cell{text: text})
		}
	}
	add("id", l.ID)
	add("group", l.Group)
	add("queue", l.Queue)
	add("flow", l.Flow)
	add("stage", l.Stage)
	add("reason", l.Reason)
	add("error", oneLine(l.Error))
	add("attempts", fmt.Sprint(l.Attempts))
	if l.Replays > 0 {
		add("replays", fmt.Sprint(l.Replays))
	}
	if !l.FirstFailed.IsZero() {
		add("first failed", fmt.Sprintf("%s, %s ago", l.FirstFailed.Format(time.RFC3339), ago(l.FirstFailed)))
	}
	if !l.Failed.IsZero() {
		add("failed", fmt.Sprintf("%s, %s ago", l.Failed.Format(time.RFC3339), ago(l.Failed)))
	}
	add("edited", l.Edited)
	add("stripped", l.Stripped)
	add("message id", l.MessageID)
	add("type", l.Type)
	add("content type", l.ContentType)
	add("correlation id", l.CorrelationID)
	add("key", l.Key)
	var raw struct { // with numbers as they came
		Headers map[string]json.RawMessage `json:"headers"`
		Body    json.RawMessage            `json:"body"`
	}
	if err := json.Unmarshal(v.reply.Result, &raw); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Headers)) {
		if !strings.HasPrefix(name, "eip-") {
			add("header "+name, string(raw.Headers[name]))
		}
	}
	if err := g.print(out); err != nil {
		return err
	}
	body, err := shownLetterBody(raw.Body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s\n", visible.Lines(body))
	return err
}

// shownLetterBody is the body of a letter for people.
func shownLetterBody(body json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return text, nil
	}
	var b bytes.Buffer
	err := json.Indent(&b, body, "", "  ")
	return b.String(), err
}
