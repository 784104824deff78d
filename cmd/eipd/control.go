package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/visible"
)

// controlCommand gives commands of the control bus.
type controlCommand struct {
	bus
	asJSON bool
	dryRun bool
}

func newControl() *cobra.Command {
	c := &controlCommand{}
	cmd := &cobra.Command{
		Use:   "control COMMAND [TARGET] [NAME=VALUE…]",
		Short: "Switch, stop, start, feed and measure running processes",
		Long: `Gives a command of the control bus to the process whose socket is in the data
directory or, with --broker, to all processes on a broker, and prints the answers.

TARGET is the address of a flow, a stage or a channel; a * within a part of it
matches any letters. A VALUE is JSON, like true, 5 or [1,2]; what is no JSON is a
string, like 15m. Commands are signed where $EIPD_CONTROL_SECRET is set.

Exit code 0: all that answered did it; 1: one answered with an error, or replayed
what failed again; 3: none has answered, or fewer than were to be expected with
--expect; 4: a Test Message did not come through.`,
		Args: func(_ *cobra.Command, words []string) error {
			if len(words) == 0 {
				return errors.New("which command? One of " + strings.Join(control.Commands(), ", "))
			}
			return nil
		},
		ValidArgsFunction: c.complete,
		RunE: func(cmd *cobra.Command, words []string) error {
			target, args, err := controlArgs(words[0], words[1:])
			if err != nil {
				return err
			}
			if c.dryRun {
				if args == nil {
					args = map[string]any{}
				}
				args["dry_run"] = true
			}
			return c.run(cmd, c.command(words[0], target, args))
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "of reload and apply: only say what would become of which flow")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print each answer as a line of JSON")
	return cmd
}

func newStatus() *cobra.Command {
	c := &controlCommand{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which processes run, with their flows and brokers",
		Long: `Asks the process whose socket is in the data directory or, with --broker, all
processes on a broker how they are, and how much waits in the queues and
subscriptions that their flows use. It is short for eipd control status.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd, c.command("status", "", nil))
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print each answer as a line of JSON")
	return cmd
}

func (c *controlCommand) run(cmd *cobra.Command, do control.Command) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	a, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	replies, err := c.gather(ctx, a, do, out)
	if err != nil && replies == nil {
		a.warn(cmd.ErrOrStderr())
		return err
	}
	if !c.asJSON {
		if err := (&viewer{out: out, colours: colourful(out)}).print(do.Command, replies); err != nil {
			return failure{exitFailed, err}
		}
	}
	return c.outcome(cmd.ErrOrStderr(), a, replies, err)
}

// gather returns all replies, and prints them as they come where that is wanted.
func (c *controlCommand) gather(ctx context.Context, a *asked, do control.Command, out io.Writer) ([]control.Reply, error) {
	var replies []control.Reply
	err := c.ask(ctx, a, do, func(r control.Reply) error {
		if !r.More {
			replies = append(replies, r)
		}
		if !c.asJSON && !r.More { // it is shown with all others
			return nil
		}
		return printJSON(out, r)
	})
	return replies, err
}

// marshal writes JSON for people too.
func marshal(v any) ([]byte, error) {
	text, err := content.Marshal(v)
	return []byte(visible.JSON(string(text))), err
}

// outcome says what is wrong with the replies, and makes the exit code of it.
func (c *controlCommand) outcome(stderr io.Writer, a *asked, replies []control.Reply, err error) error {
	failed, code, lost := false, 0, []string(nil)
	for _, r := range replies {
		if r.OK {
			if c, why := lostMessages(r); why != "" {
				code, lost = c, append(lost, r.Instance+": "+why)
			}
			continue
		}
		failed = true
		if !c.asJSON {
			complain(stderr, r.Instance, r.Read(nil).Error())
		}
	}
	a.warn(stderr)
	if a.shared && c.instance == "" && len(c.labels) == 0 {
		for _, line := range noteAnswers(c.broker+" "+c.topic, replies, c.expect == 0 || len(replies) < c.expect) {
			fmt.Fprintln(stderr, "eipd:", line)
		}
	}
	switch {
	case err != nil:
		return err
	case failed:
		return failure{exitFailed, nil}
	case len(lost) > 0:
		return failure{code, errors.New(strings.Join(lost, "\n"))}
	case len(replies) < c.expect:
		return failure{exitTimeout, fmt.Errorf("%d of the %d processes that were expected have answered on %s in time; --wait gives them more", len(replies), c.expect, a.at)}
	}
	return nil
}

// lostMessages says what went wrong with messages though the command was carried out,
// and the exit code for it.
func lostMessages(r control.Reply) (code int, why string) {
	var did struct {
		control.Replayed
		control.Injected
	}
	switch {
	case r.Read(&did) != nil:
	case r.Command == "replay" && did.FailedAgain > 0:
		return exitFailed, fmt.Sprintf("%d messages failed again", did.FailedAgain)
	case r.Command == "inject" && did.Test != nil && did.Test.Outcome != stats.Sent && did.Test.Outcome != stats.Dropped:
		return exitLetters, "the test failed: " + strings.ReplaceAll(string(did.Test.Outcome), "_", " ")
	}
	return 0, ""
}
