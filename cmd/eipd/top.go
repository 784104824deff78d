package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

type topCommand struct {
	bus
	every time.Duration
	once  bool
	looks int // so far
	known int // processes that answered at the last look
}

func newTop() *cobra.Command {
	t := &topCommand{}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch flows and stages at work, switch them, and look at their dead letters",
		Long: `Shows what passes each flow and stage of the process whose socket is in the data
directory or, with --broker, of all processes on a broker together: how many
messages, how fast, how long they take, what is in flight, how many dead letters wait,
and what is switched on. Below are the queues and subscriptions that flows use, and
how much waits there.

Arrows choose a line. Enter shows the dead letters of a flow by their causes, again one
of them, and r replays one; g shows the graph of a flow. / finds lines, o sorts them,
space switches a detour or wire tap, s stops or starts a flow, q or ctrl-C ends it.
Where it is not on a terminal, it prints one table and ends.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return t.run(cmd) },
	}
	t.flags(cmd)
	cmd.Flags().DurationVar(&t.every, "every", time.Second, "how often to look")
	cmd.Flags().BoolVar(&t.once, "once", false, "print one table and end")
	return cmd
}

func (t *topCommand) run(cmd *cobra.Command) error {
	if t.every < 100*time.Millisecond {
		return errors.New("--every must be at least 100ms")
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	a, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	s := t.look(ctx, a)
	switch in, out := terminal(cmd.InOrStdin()), terminal(cmd.OutOrStdout()); {
	case ctx.Err() != nil:
		return nil
	case s.err != nil:
		a.warn(cmd.ErrOrStderr())
		return s.err
	case !t.once && in != nil && out != nil:
		return t.watch(ctx, a, s, in, out)
	}
	if err := s.grid(s.lines, colourful(cmd.OutOrStdout())).print(cmd.OutOrStdout()); err != nil {
		return failure{exitFailed, err}
	}
	return nil
}

// watch shows the live table until somebody has seen enough.
func (t *topCommand) watch(ctx context.Context, a *asked, s *snapshot, in, out *os.File) (err error) {
	tty, err := openScreen(in, out)
	if err != nil {
		return failure{exitFailed, err}
	}
	defer func() {
		if e := tty.close(); err == nil && e != nil {
			err = failure{exitFailed, e}
		}
	}()
	resized, still := resizes()
	defer still()
	live := &live{top: t, asked: a, flows: newFlowsView(s, colourful(out)), out: out, size: tty.size, colours: colourful(out)}
	return live.run(ctx, readKeys(in), resized)
}
