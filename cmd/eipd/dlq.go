package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/visible"
)

// dlq is what commands about dead letters have in common: whom they ask, and which
// letters are meant.
type dlq struct {
	bus
	invalid, asJSON bool
	group           string
	ids             []string
	since, until    string
	condition       string
	flow            string // of commands about one letter
}

func newDlq() *cobra.Command {
	d, view := &dlq{}, &dlqGroups{}
	cmd := &cobra.Command{
		Use:   "dlq [FLOW]",
		Short: "Look at dead letters, choose, mend, replay and discard them",
		Long: `Groups the dead letters of a flow, or of all flows of the process, by why they
failed: by flow, stage and the error's text, in which … stands for what varies.
Looking takes nothing from the queue. Where it has a price, that is printed first.

Exit code 0: it was done; 1: it could not be; 3: nobody has answered.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: d.completeFlow,
		RunE: func(cmd *cobra.Command, words []string) error {
			args := d.args()
			args["by"] = view.by
			return d.look(cmd, "letters", flowOf(words), args, view)
		},
	}
	d.flags(cmd)
	cmd.Flags().BoolVar(&view.all, "all", false, fmt.Sprintf("show all groups, and not the %d largest only", groupsShown))
	cmd.Flags().StringVar(&view.by, "by", string(deadletter.ByCause), "group by this `word`: cause, stage, error, type or day")
	d.json(cmd)
	cmd.AddCommand(newDlqLs(), newDlqShow(), newDlqEdit(), newDlqDiscard(), newDlqArchive(), newDlqRestore(), newDlqExport(), newDlqImport(), newDlqAudit())
	cmd.AddCommand(newDlqJobs()...)
	return cmd
}

func (d *dlq) json(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&d.asJSON, "json", false, "print JSON")
}

// flags are those of whom is asked, and of which letters are meant.
func (d *dlq) flags(cmd *cobra.Command) {
	d.bus.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&d.invalid, "invalid", false, "of the flow's invalid messages, where these have a queue of their own")
	f.StringVar(&d.group, "group", "", "only letters of the group of this `id`, or its beginning")
	f.StringSliceVar(&d.ids, "id", nil, "only the letter of this `id`, or its first 6 digits and more (repeatable)")
	f.StringVar(&d.since, "since", "", "only letters that failed at this `time` or later: 2h ago, a day, or 2026-01-31T09:00:00Z")
	f.StringVar(&d.until, "until", "", "only letters that failed before this `time`")
	f.StringVar(&d.condition, "if", "", "only letters of which this `expression` is true, like body.total > 1000")
	_ = cmd.RegisterFlagCompletionFunc("if", func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return expressions("", begun), goesOn
	}) // the flag exists
}

// one are the flags of a command about one letter.
func (d *dlq) one(cmd *cobra.Command) {
	d.bus.flags(cmd)
	cmd.Flags().StringVar(&d.flow, "flow", "", "look only among the letters of the flow of this `name`")
	cmd.Flags().BoolVar(&d.invalid, "invalid", false, "look among the flow's invalid messages, where these have a queue of their own")
}

// args are the arguments that say which letters are meant.
func (d *dlq) args() map[string]any {
	args := map[string]any{}
	for name, text := range map[string]string{"group": d.group, "since": d.since, "until": d.until, "if": d.condition} {
		if text != "" {
			args[name] = text
		}
	}
	if d.invalid {
		args["invalid"] = true
	}
	if len(d.ids) > 0 {
		args["ids"] = d.ids
	}
	return args
}

func flowOf(words []string) string { return slices.Concat(words, []string{""})[0] }

func (d *dlq) completeFlow(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(words) > 0 {
		return nil, noFiles
	}
	return d.targets(cmd.Context(), "replay"), noFiles
}

// A letterView shows what one process after the other says.
type letterView interface {
	letter(control.Reply) error
	end(*dlq, io.Writer, control.LettersSeen) error
}

// look gives a reading command, and shows what comes.
func (d *dlq) look(cmd *cobra.Command, command, flow string, args map[string]any, view letterView) error {
	out, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	return d.each(cmd, command, flow, args, func(r control.Reply) error {
		var seen control.LettersSeen
		var began control.LettersLooking
		switch {
		case r.More && r.Read(&began) == nil && began.Looking != nil:
			d.prices(stderr, began.Looking)
			return nil
		case r.More:
			return view.letter(r)
		}
		if err := r.Read(&seen); err != nil {
			return err
		}
		for _, in := range seen.Queues {
			if in.Error != "" {
				complain(stderr, in.Queue, in.Error)
			}
		}
		return view.end(d, out, seen)
	})
}

// each gives a command to the processes that are to carry it out, one after the other.
func (d *dlq) each(cmd *cobra.Command, command, flow string, args map[string]any, take func(control.Reply) error) error {
	ctx, failed := cmd.Context(), false
	a, err := d.dial(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	who, err := d.processes(ctx, a, flow)
	if err != nil {
		return err
	}
	for _, instance := range who {
		one := *d
		one.instance = instance
		err := one.ask(ctx, a, one.command(command, flow, args), func(r control.Reply) error {
			if !r.OK {
				failed = true
				complain(cmd.ErrOrStderr(), r.Instance, inFlags(cmd, r.Read(nil).Error()))
				return nil
			}
			return take(r)
		})
		a.warn(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
	}
	if failed {
		return failure{exitFailed, nil}
	}
	return nil
}

// argument is how a process names one of a command: "since", or confirm = 2.
var argument = regexp.MustCompile(`"[a-z_]+"|\b[a-z_]+ = `)

// inFlags has what a process says name the flags of cmd, and not the arguments on the bus.
func inFlags(cmd *cobra.Command, why string) string {
	return argument.ReplaceAllStringFunc(why, func(named string) string {
		flag := strings.ReplaceAll(strings.Trim(named, `" =`), "_", "-")
		if flag == "ids" {
			flag = "id"
		}
		if cmd.Flags().Lookup(flag) == nil {
			return named
		}
		if strings.HasSuffix(named, "= ") {
			flag += " "
		}
		return "--" + flag
	})
}

// processes are those that together have all flows, or the flow that is meant, as few as
// can be: several that read one queue would all show its letters, and each look may have
// its price.
func (d *dlq) processes(ctx context.Context, a *asked, flow string) ([]string, error) {
	if !a.shared || d.instance != "" {
		return []string{d.instance}, nil
	}
	flows, most := map[string][]string{}, map[string]bool{}
	err := d.ask(ctx, a, d.command("status", "", nil), func(r control.Reply) error {
		var st control.Status
		if r.Read(&st) == nil {
			for _, f := range st.Flows {
				if flow == "" || f == flow {
					flows[r.Instance] = append(flows[r.Instance], f)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var who []string
	for _, instance := range addresses(flows) {
		if slices.ContainsFunc(flows[instance], func(f string) bool { return !most[f] }) {
			who = append(who, instance)
			for _, f := range flows[instance] {
				most[f] = true
			}
		}
	}
	if who == nil {
		return nil, failure{exitFailed, fmt.Errorf("none of the processes that have answered has the flow %s", flow)}
	}
	return who, nil
}

// prices says what a look costs, where it costs anything.
func (d *dlq) prices(stderr io.Writer, of []control.LettersIn) {
	for _, in := range of {
		switch {
		case in.Cost.Deliveries:
			fmt.Fprintf(stderr, "eipd: looking into %s takes a delivery from each message, before the broker gives it up\n", visible.Line(in.Queue))
		case in.Cost.Away:
			fmt.Fprintf(stderr, "eipd: while %s is looked into, no other reader gets its messages\n", visible.Line(in.Queue))
		}
		if in.Cost.Reorders {
			fmt.Fprintf(stderr, "eipd: messages in %s may have another order afterwards, where some were given back before\n", visible.Line(in.Queue))
		}
		if in.Cost.Most > 0 && in.Of > in.Cost.Most {
			fmt.Fprintf(stderr, "eipd: of the %d messages in %s, the broker shows %d at most\n", in.Of, visible.Line(in.Queue), in.Cost.Most)
		}
	}
}
