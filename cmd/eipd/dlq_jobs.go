package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/visible"
)

func newDlqList() *cobra.Command {
	d := &dlq{}
	cmd := &cobra.Command{
		Use:   "jobs [FLOW]",
		Short: "List the replays of a process",
		Long: `Lists the jobs of a process, or those of a flow, the newest first. A process keeps
the last 100 that have ended.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: d.completeFlow,
		RunE:              func(cmd *cobra.Command, words []string) error { return d.list(cmd, flowOf(words)) },
	}
	d.bus.flags(cmd)
	d.json(cmd)
	return cmd
}

func (d *dlq) list(cmd *cobra.Command, flow string) error {
	a, err := d.dial(cmd.Context())
	if err != nil {
		return err
	}
	defer a.Close()
	out, refused := cmd.OutOrStdout(), false
	names := []string{"JOB", "FLOW", "STATE", "STEP", "DONE", "OF", "FAILED AGAIN", "MADE"}
	if a.shared {
		names = append(names, "INSTANCE")
	}
	g := (&viewer{colours: colourful(out)}).grid(names...)
	err = d.ask(cmd.Context(), a, d.command("jobs", flow, nil), func(r control.Reply) error {
		if !r.OK && a.shared && flow != "" { // another process has the flow
			return nil
		}
		var all control.Jobs
		if err := r.Read(&all); err != nil {
			refused = true
			complain(cmd.ErrOrStderr(), r.Instance, err.Error())
			return nil
		}
		for _, j := range all.Jobs {
			if d.asJSON {
				if err := printJSON(out, j); err != nil {
					return err
				}
			}
			row := append(texts(j.ID, j.Flow, string(j.State)), number(fmt.Sprintf("%d of %d", j.Step, j.Steps)), number(fmt.Sprint(handled(j.Messages))),
				number(fmt.Sprint(j.Total)), number(fmt.Sprint(j.Messages.FailedAgain)), number(ago(j.Made)))
			g.add(append(row, texts(r.Instance)[:len(names)-8]...)...)
		}
		return nil
	})
	a.warn(cmd.ErrOrStderr())
	switch {
	case err != nil:
		return err
	case refused:
		return failure{exitFailed, nil}
	case d.asJSON:
		return nil
	case len(g.rows) == 1:
		_, err = fmt.Fprintln(out, "no jobs")
		return err
	}
	return g.print(out)
}

func newDlqJob() *cobra.Command {
	d, follow := &dlq{}, false
	cmd := &cobra.Command{
		Use:   "job JOB",
		Short: "Show one replay",
		Long: `Shows a job: how far it is, why it has paused, which letters failed again and why
they were dead letters before. Letters that may have passed twice are named: they
were begun when the process ended.

Exit code 0: it was shown, and, with --follow, all passed; 1: it could not be, some
failed again, or it has paused; 3: nobody has answered.`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, words []string) error {
			return d.ofJob(cmd, words[0], func(a *asked) error {
				if follow {
					return d.watchJob(cmd, a, words[0])
				}
				j, err := d.give(cmd, a, "jobs", words[0], nil)
				if err != nil {
					return err
				}
				if err := d.show(cmd.OutOrStdout(), *j); err != nil || d.asJSON {
					return err
				}
				return jobDetails(cmd.OutOrStdout(), *j)
			})
		},
	}
	d.bus.flags(cmd)
	d.json(cmd)
	cmd.Flags().BoolVar(&follow, "follow", false, "show how it goes on, until it does not run any more")
	return cmd
}

// handled is how many letters a job has done with.
func handled(m deadletter.Progress) int { return m.Passed + m.FailedAgain + m.Gone + m.Unknown }

// jobLine says in a line how far a job is.
func jobLine(j deadletter.Job) string {
	m := j.Messages
	line := fmt.Sprintf("job %s  %s  step %d of %d  %d/%d  passed %d  failed again %d", j.ID, j.State, j.Step, j.Steps, handled(m), j.Total, m.Passed, m.FailedAgain)
	for _, n := range []struct {
		what string
		many int
	}{{"gone", m.Gone}, {"unknown", m.Unknown}, {"maybe twice", len(j.MaybeTwice)}} {
		if n.many > 0 {
			line += fmt.Sprintf("  %s %d", n.what, n.many)
		}
	}
	if j.State != deadletter.Running || j.Plan.Rate <= 0 {
		return line
	}
	left := time.Duration(float64(m.Pending) / j.Plan.Rate * float64(time.Second))
	for _, n := range j.Plan.Canary[min(j.Step-1, len(j.Plan.Canary)):] {
		if n < m.Pending {
			left += max(j.Plan.Soak, 0)
		}
	}
	return line + fmt.Sprintf("  %v/s  %v left", j.Plan.Rate, left.Round(time.Second))
}

// jobDetails prints what is to be known of single letters.
func jobDetails(out io.Writer, j deadletter.Job) error {
	var b strings.Builder
	if j.Within > 0 {
		fmt.Fprintf(&b, "only the first %d messages of %s were looked at: the broker shows no more\n", j.Within, j.Queue)
	}
	for _, f := range j.Failures {
		fmt.Fprintf(&b, "failed again: %s\n  before: %s\n  now:    %s\n", f.ID, visible.Line(f.Was), visible.Line(f.Now))
	}
	for _, n := range []struct {
		what string
		ids  []string
	}{{"begun when the process ended, and replayed again: ", j.MaybeTwice}, {"begun when the process ended, and no longer there: ", j.Unknown}} {
		if len(n.ids) > 0 {
			fmt.Fprintln(&b, n.what+visible.Line(strings.Join(n.ids, " ")))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
