package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/internal/visible"
)

// newDlqJobs are the commands about jobs.
func newDlqJobs() []*cobra.Command {
	return []*cobra.Command{newDlqReplay(), newDlqList(), newDlqJob(),
		newDlqSteer("pause", "Have a job stop, to go on later"),
		newDlqSteer("resume", "Have a paused job go on with what is left"),
		newDlqSteer("step", "Have a job that waits for a person begin its next step"),
		newDlqSteer("cancel", "End a job")}
}

// dlqReplay makes a job.
type dlqReplay struct {
	dlq
	canary, soak, rate, watch, within string
	underWay, stopAfter               int
	ask, follow                       bool
}

func newDlqReplay() *cobra.Command {
	d := &dlqReplay{}
	cmd := &cobra.Command{
		Use:   "replay FLOW",
		Short: "Pass dead letters through their flow once more, carefully",
		Long: `Makes a job of the dead letters that are chosen and have failed before now, in the
process that runs their flow. The job begins one letter, then some, then the rest,
and pauses where they fail again, or where something fails that the flow sends to.
It outlives this command: eipd dlq jobs shows it, pause, resume, step and cancel
steer it, and after a restart of the process it is paused.

Exit code 0: the job was made and, with --follow, all passed; 1: it could not be,
some failed again, or it has paused; 3: nobody has answered.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: d.completeFlow,
		RunE:              func(cmd *cobra.Command, words []string) error { return d.run(cmd, words[0]) },
	}
	d.flags(cmd)
	d.json(cmd)
	f := cmd.Flags()
	f.StringVar(&d.canary, "canary", "", "how many letters the first steps begin, a `list` like 1,10,100, which is the default, or none")
	f.StringVar(&d.soak, "soak", "", "how long to wait after each step, a `time` (default 10s)")
	f.BoolVar(&d.ask, "ask", false, "wait for eipd dlq step after the first step (default: on a terminal)")
	f.StringVar(&d.rate, "rate", "", "how many letters to begin in a second at most, a `number` like 20/s, or none (default 50/s)")
	f.IntVar(&d.underWay, "under-way", 0, "how many letters the flow has at a time at most, a `number` (default 20)")
	f.IntVar(&d.stopAfter, "stop-after", 0, "pause when this `number` of letters of a step have failed again (default: 1, in the last step 5 or one of 50)")
	f.Lookup("under-way").DefValue, f.Lookup("stop-after").DefValue = "", "" // the job has its own
	f.StringVar(&d.watch, "watch", "", "pause when something fails in one of these `flows`, or none (default: those that its messages reach)")
	f.StringVar(&d.within, "within", "", "pause after this `time` (default 8h)")
	f.BoolVar(&d.follow, "follow", false, "show how the job goes on, until it does not run any more")
	return cmd
}

// plan adds the arguments that say how the job goes on.
func (d *dlqReplay) plan(cmd *cobra.Command, args map[string]any) {
	for name, text := range map[string]string{"canary": d.canary, "soak": d.soak, "rate": d.rate, "watch": d.watch, "within": d.within} {
		if text != "" {
			args[name] = text
		}
	}
	if cmd.Flags().Changed("under-way") {
		args["under_way"] = d.underWay
	}
	if cmd.Flags().Changed("stop-after") {
		args["stop_after"] = d.stopAfter
	}
	if d.ask || !cmd.Flags().Changed("ask") && d.canary != "none" && terminal(cmd.InOrStdin()) != nil && terminal(cmd.OutOrStdout()) != nil {
		args["ask"] = true
	}
}

func (d *dlqReplay) run(cmd *cobra.Command, flow string) error {
	args := d.args()
	args["action"] = "create"
	d.plan(cmd, args)
	a, err := d.dial(cmd.Context())
	if err != nil {
		return err
	}
	defer a.Close()
	if d.instance, err = d.leastBusy(cmd.Context(), a, flow); err != nil {
		return err
	}
	j, err := d.give(cmd, a, "job", flow, args)
	if err != nil {
		return err
	}
	if !d.follow {
		return d.show(cmd.OutOrStdout(), *j)
	}
	return d.watchJob(cmd, a, j.ID)
}

// leastBusy is the process that has the flow, and of several the one that has the fewest
// jobs which have not ended.
func (d *dlq) leastBusy(ctx context.Context, a *asked, flow string) (best string, err error) {
	if !a.shared || d.instance != "" {
		return d.instance, nil
	}
	least := -1
	err = d.ask(ctx, a, d.command("jobs", flow, nil), func(r control.Reply) error {
		var all control.Jobs
		if r.Read(&all) != nil {
			return nil
		}
		n := len(slices.DeleteFunc(all.Jobs, func(j deadletter.Job) bool { return j.State.Ended() }))
		if least < 0 || n < least {
			best, least = r.Instance, n
		}
		return nil
	})
	if err == nil && least < 0 {
		err = failure{exitFailed, fmt.Errorf("none of the processes that have answered has the flow %s", flow)}
	}
	return best, err
}

// holder is the process that has a job.
func (d *dlq) holder(ctx context.Context, a *asked, id string) (string, error) {
	if !a.shared || d.instance != "" {
		return d.instance, nil
	}
	var who []string
	err := d.ask(ctx, a, d.command("jobs", id, nil), func(r control.Reply) error {
		if r.OK {
			who = append(who, r.Instance)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case len(who) == 0:
		return "", failure{exitFailed, fmt.Errorf("none of the processes that have answered has a job %s", id)}
	case len(who) > 1:
		return "", failure{exitFailed, fmt.Errorf("%d processes have a job %s: %v; name one by --instance", len(who), id, who)}
	}
	return who[0], nil
}

// give gives a command to one process, which answers with a job.
func (d *dlq) give(cmd *cobra.Command, a *asked, command, target string, args map[string]any) (j *deadletter.Job, err error) {
	refused := false
	err = d.ask(cmd.Context(), a, d.command(command, target, args), func(r control.Reply) error {
		if !r.OK {
			refused = true
			complain(cmd.ErrOrStderr(), r.Instance, inFlags(cmd, r.Read(nil).Error()))
			return nil
		}
		j = &deadletter.Job{}
		return r.Read(j)
	})
	a.warn(cmd.ErrOrStderr())
	if err == nil && (refused || j == nil) {
		err = failure{exitFailed, nil}
	}
	return j, err
}

// watchJob shows how a job goes on until it does not run, and makes the exit code of that.
func (d *dlq) watchJob(cmd *cobra.Command, a *asked, id string) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var last deadletter.Job
	said, shown := "", time.Time{}
	for first := true; first || last.State == deadletter.Running; first = false {
		do := d.command("jobs", id, map[string]any{"follow": true})
		err := d.ask(ctx, a, do, func(r control.Reply) error {
			if err := r.Read(&last); err != nil {
				return err
			}
			stage := fmt.Sprint(last.State, last.Step)
			if stage == said && (last.State != deadletter.Running || time.Since(shown) < time.Second) {
				return nil
			}
			said, shown = stage, time.Now()
			return d.show(cmd.OutOrStdout(), last)
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
	if last.State != deadletter.Done || last.Messages.FailedAgain > 0 {
		return failure{exitFailed, nil}
	}
	return nil
}

func newDlqSteer(action, short string) *cobra.Command {
	d := &dlq{}
	cmd := &cobra.Command{
		Use:   action + " JOB",
		Short: short,
		Args:  cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, words []string) error {
			return d.ofJob(cmd, words[0], func(a *asked) error {
				j, err := d.give(cmd, a, "job", words[0], map[string]any{"action": action})
				if err != nil {
					return err
				}
				return d.show(cmd.OutOrStdout(), *j)
			})
		},
	}
	d.bus.flags(cmd)
	d.json(cmd)
	return cmd
}

// ofJob finds the process that has a job.
func (d *dlq) ofJob(cmd *cobra.Command, id string, do func(*asked) error) error {
	a, err := d.dial(cmd.Context())
	if err != nil {
		return err
	}
	defer a.Close()
	if d.instance, err = d.holder(cmd.Context(), a, id); err != nil {
		return err
	}
	return do(a)
}

func (d *dlq) show(out io.Writer, j deadletter.Job) error {
	if d.asJSON {
		return printJSON(out, j)
	}
	_, err := fmt.Fprintln(out, visible.Line(jobLine(j)))
	if err == nil && j.Why != "" {
		_, err = fmt.Fprintln(out, " ", visible.Line(j.Why))
	}
	return err
}
