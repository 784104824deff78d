package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

func newDlqDiscard() *cobra.Command {
	d, reason, confirm := &dlq{}, "", 0
	cmd := &cobra.Command{
		Use:   "discard FLOW --reason TEXT",
		Short: "Discard dead letters, which an archive keeps for two weeks",
		Long: `Takes the dead letters of a flow that the flags name out of their queue. Each is in
the archive of the process before that, from which eipd dlq restore puts it back.
Where they are more than 100, --confirm must say how many; without it, nothing is
done, and the number is told.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: d.completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			args := d.args()
			if len(args) == 0 && confirm == 0 {
				return errors.New("which letters? --group, --id, --since, --until or --if say so; all are meant where --confirm says how many there are")
			}
			args["reason"] = reason
			if confirm != 0 {
				args["confirm"] = confirm
			}
			return d.each(cmd, "letters_discard", words[0], args, func(r control.Reply) error {
				var did control.LettersDiscarded
				return d.print(cmd.OutOrStdout(), r, &did, func() string {
					text := fmt.Sprintf("%s discarded, and in the archive", count(did.Discarded, "letter"))
					if did.Gone > 0 {
						text += fmt.Sprintf("; %d were taken by others meanwhile", did.Gone)
					}
					return text
				})
			})
		},
	}
	d.flags(cmd)
	d.json(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why: a `text` for the archive and the audit record (required)")
	cmd.Flags().IntVar(&confirm, "confirm", 0, "the `number` of letters that are meant")
	_ = cmd.MarkFlagRequired("reason") // the flag exists
	return cmd
}

// print prints what one process has done.
func (d *dlq) print(out io.Writer, r control.Reply, to any, said func() string) error {
	if err := r.Read(to); err != nil {
		return err
	}
	if d.asJSON {
		return printJSON(out, r.Result)
	}
	_, err := fmt.Fprintln(out, said())
	return err
}

func newDlqRestore() *cobra.Command {
	d, again := &dlq{}, false
	cmd := &cobra.Command{
		Use:   "restore ID",
		Short: "Put a discarded or edited letter back",
		Long: `Puts a letter from the archive back into the queue that it was taken from, as it
was. eipd dlq archive lists what is there.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, words []string) error {
			args := map[string]any{"ids": words}
			if again {
				args["again"] = true
			}
			return d.each(cmd, "letters_restore", "", args, func(r control.Reply) error {
				var did control.LettersRestored
				return d.print(cmd.OutOrStdout(), r, &did, func() string { return fmt.Sprintf("letter %s is in %s again", did.ID, did.Queue) })
			})
		},
	}
	d.bus.flags(cmd)
	d.json(cmd)
	cmd.Flags().BoolVar(&again, "again", false, "also where it was restored before")
	return cmd
}

func newDlqArchive() *cobra.Command {
	d, limit := &dlq{}, 0
	cmd := &cobra.Command{
		Use:               "archive",
		Short:             "List letters that were discarded or edited",
		Long:              `Lists the letters that were discarded or edited in the last two weeks, the latest first.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.each(cmd, "letters_archive", "", map[string]any{"limit": limit}, func(r control.Reply) error {
				var all control.LettersArchived
				if err := r.Read(&all); err != nil {
					return err
				}
				if d.asJSON {
					return printJSON(cmd.OutOrStdout(), r.Result)
				}
				return archiveGrid(cmd.OutOrStdout(), all)
			})
		},
	}
	d.bus.flags(cmd)
	d.json(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "show this `number` of letters at most")
	return cmd
}

func archiveGrid(out io.Writer, all control.LettersArchived) error {
	g := (&viewer{colours: colourful(out)}).grid("ID", "FLOW", "WHEN", "BY", "WHAT", "WHY")
	for _, l := range all.Letters {
		what := l.How
		switch {
		case !l.Restored.IsZero():
			what += ", restored"
		case l.Outcome != "":
			what += ", " + strings.ReplaceAll(l.Outcome, "_", " ")
		}
		g.add(texts(shortID(l.ID), l.Flow, clockTime(l.Time), l.By, what, l.Reason)...)
	}
	if len(all.Letters) == 0 {
		_, err := fmt.Fprintln(out, "nothing is in the archive")
		return err
	}
	return g.print(out)
}

// dlqEdit changes one letter.
type dlqEdit struct {
	dlq
	set, unset []string
	raw        bool
}

func newDlqEdit() *cobra.Command {
	e := &dlqEdit{}
	cmd := &cobra.Command{
		Use:   "edit ID [--set PATH=VALUE]… [--unset PATH]…",
		Short: "Change a dead letter, and have it pass its flow",
		Long: `Changes one dead letter and passes it through its flow. Without --set and --unset,
$VISUAL or $EDITOR opens its properties, headers and body. A PATH is like body.total,
body.lines.0.price, headers.x, type, key or content_type. A VALUE is JSON; what is no
JSON is a text. The original is in the archive before, and is taken out of its queue
only when the flow has settled the changed one. If it fails again, that is a dead
letter with another id.

Exit code 0: it has passed; 1: it failed again, or nothing was done; 3: nobody has
answered.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, words []string) error { return e.run(cmd, words[0]) },
	}
	e.one(cmd)
	e.json(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&e.set, "set", nil, "give `PATH=VALUE` (repeatable)")
	f.StringArrayVar(&e.unset, "unset", nil, "remove a `PATH` (repeatable)")
	f.BoolVar(&e.raw, "raw", false, "let a body that is JSON become something else")
	return cmd
}

func (e *dlqEdit) run(cmd *cobra.Command, id string) error {
	args, err := e.assignments()
	if err != nil {
		return err
	}
	letter, instance, err := e.find(cmd, id)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if args, err = editInEditor(cmd, letter); err != nil {
			return failure{exitFailed, err}
		}
	}
	args["ids"] = []string{letter.ID}
	for name, set := range map[string]bool{"raw": e.raw, "invalid": e.invalid} {
		if set {
			args[name] = true
		}
	}
	if e.broker != "" {
		e.instance = instance
	}
	var did deadletter.Mended
	err = e.each(cmd, "letters_edit", exportedText(letter, "eip-flow"), args, func(r control.Reply) error {
		return e.print(cmd.OutOrStdout(), r, &did, func() string { return mendedText(did) })
	})
	if err == nil && did.Outcome != deadletter.Passed {
		return failure{exitFailed, nil}
	}
	return err
}

func mendedText(did deadletter.Mended) string {
	what := strings.Join(did.Changed, ", ")
	switch did.Outcome {
	case deadletter.Passed:
		return fmt.Sprintf("letter %s has passed, with another %s", did.ID, what)
	case deadletter.FailedAgain:
		return fmt.Sprintf("letter %s failed again, with another %s, and has another id now: %s", did.ID, what, oneLine(did.Error))
	}
	return fmt.Sprintf("letter %s is in its queue as it was: %s", did.ID, oneLine(did.Error))
}

// assignments reads --set and --unset.
func (e *dlqEdit) assignments() (map[string]any, error) {
	args, set := map[string]any{}, map[string]any{}
	for _, text := range e.set {
		path, value, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--set %s: it is written PATH=VALUE", path)
		}
		if _, twice := set[path]; twice {
			return nil, fmt.Errorf("--set %s is given twice", path)
		}
		set[path] = typed(value)
	}
	if len(set) > 0 {
		args["set"] = set
	}
	if len(e.unset) > 0 {
		args["unset"] = e.unset
	}
	return args, nil
}

// find reads a letter with everything that it holds.
func (d *dlq) find(cmd *cobra.Command, id string) (letter deadletter.Export, instance string, err error) {
	d.ids = []string{id}
	args := d.args()
	args["exact"] = true
	err = d.each(cmd, "letters_body", d.flow, args, func(r control.Reply) error {
		var e deadletter.Export
		if r.More && r.Read(&e) == nil && e.ID != "" {
			letter, instance = e, r.Instance
		}
		return nil
	})
	if err == nil && letter.ID == "" {
		err = failure{exitFailed, fmt.Errorf("no letter has the id %s", id)}
	}
	return letter, instance, err
}
