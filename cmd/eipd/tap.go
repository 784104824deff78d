package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow/flowtest"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

type tapCommand struct {
	bus
	condition string
	sample    float64
	count     int
	lease     time.Duration
	until     time.Time // the end of the lease
	save      string
	saved     [][]byte // for a test

	taken   int
	refused bool             // by one at least
	again   bool             // the time of one is over, and nobody wanted that
	dropped map[string]int64 // by instance
	before  map[string]int64 // of taps that have ended
}

func newTap() *cobra.Command {
	t := &tapCommand{dropped: map[string]int64{}, before: map[string]int64{}}
	cmd := &cobra.Command{
		Use:   "tap ADDRESS",
		Short: "See the messages that pass a flow or a stage",
		Long: `Prints copies of the messages that come to the flow or stage at ADDRESS, one JSON
a line, while they pass. The flow never waits: what comes faster than it can be
taken is dropped and counted. It ends with ctrl-C, when --count copies are printed,
or after --for; exit code 3: then fewer than --count have come, or nobody answered.`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(words) > 0 {
				return nil, noFiles
			}
			return t.targets(cmd.Context(), "tap"), noFiles
		},
		RunE: func(cmd *cobra.Command, args []string) error { return t.run(cmd, args[0]) },
	}
	t.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&t.condition, "if", "", "only messages of which this `expression` is true, like body.total > 1000")
	_ = cmd.RegisterFlagCompletionFunc("if", func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return expressions("", begun), goesOn
	}) // the flag exists
	f.Float64Var(&t.sample, "sample", 1, "only this `part` of the messages, from 0 to 1")
	f.IntVar(&t.count, "count", 0, "end after this `number` of copies")
	f.DurationVar(&t.lease, "for", 0, "end after this `time` (default: it goes on)")
	f.StringVar(&t.save, "save", "", "write the copies to this `file`; where its name ends in _test.hcl, as a test of flows")
	return cmd
}

func (t *tapCommand) run(cmd *cobra.Command, address string) (err error) {
	if t.count < 0 || t.lease < 0 {
		return errors.New("--count and --for must not be less than 0")
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	t.until = time.Now().Add(t.lease)
	out := cmd.OutOrStdout()
	if t.save != "" {
		file, failed := os.OpenFile(t.save, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // messages may be nobody else's business
		if failed != nil {
			return failure{exitFailed, failed}
		}
		defer func() { err = errors.Join(err, t.writeTest(file), file.Close()) }()
		out = file
	}
	for t.again = true; t.again && err == nil; {
		err = t.once(ctx, a, address, out, cmd.ErrOrStderr())
	}
	t.sum(cmd.ErrOrStderr())
	a.warn(cmd.ErrOrStderr())
	switch {
	case ctx.Err() != nil || errors.Is(err, errEnough):
		return nil
	case err != nil:
		return err
	case t.refused:
		return failure{exitFailed, nil}
	case t.taken < t.count:
		return failure{exitTimeout, fmt.Errorf("%d of %d copies came within %v", t.taken, t.count, t.lease)}
	}
	return nil
}

var errEnough = errors.New("there are enough copies")

// once prints what one tap of each process brings.
func (t *tapCommand) once(ctx context.Context, a *asked, address string, out, stderr io.Writer) error {
	args := map[string]any{"sample": t.sample}
	if t.condition != "" {
		args["if"] = t.condition
	}
	if t.count > 0 {
		args["count"] = t.count - t.taken
	}
	if left := time.Until(t.until); t.lease > 0 && left < time.Minute { // a longer one is opened again each minute
		args["for"] = max(left, time.Millisecond).String()
	}
	t.again = false
	return t.ask(ctx, a, t.command("tap", address, args), func(r control.Reply) error { return t.take(r, out, stderr) })
}

// take takes one reply: a copy, the first or the last of a process.
func (t *tapCommand) take(r control.Reply, out, stderr io.Writer) error {
	switch {
	case !r.OK:
		t.refused = true
		complain(stderr, r.Instance, r.Read(nil).Error())
		return nil
	case r.More:
		return t.copied(r, out)
	}
	var end control.Tapped
	if err := r.Read(&end); err != nil {
		return err
	}
	t.dropped[r.Instance] = t.before[r.Instance] + end.Dropped
	t.before[r.Instance] = t.dropped[r.Instance]
	switch {
	case end.Ended == "time" && (t.lease == 0 || time.Until(t.until) > 0):
		t.again = true
	case end.Ended == "process":
		t.refused = true
		fmt.Fprintf(stderr, "eipd: %s has ended\n", visible.Line(r.Instance))
	}
	return nil
}

// copied prints a copy, if the reply brings one.
func (t *tapCommand) copied(r control.Reply, out io.Writer) error {
	var c control.Copy
	if err := r.Read(&c); err != nil {
		return err
	}
	if c.At == "" { // it has begun
		return nil
	}
	t.dropped[r.Instance] = t.before[r.Instance] + c.Dropped
	line, err := withInstance(r)
	if err != nil {
		return err
	}
	if t.asTest() {
		t.saved = append(t.saved, line)
	} else if _, err := io.WriteString(out, visible.JSON(string(line))); err != nil {
		return err
	}
	if t.taken++; t.taken == t.count || len(t.saved) == mostInTest {
		return errEnough
	}
	return nil
}

// mostInTest is of how many copies a test is made.
const mostInTest = 1000

// asTest reports whether the copies become a test.
func (t *tapCommand) asTest() bool { return strings.HasSuffix(t.save, "_test.hcl") }

// writeTest writes the copies as a test, if they are to be one.
func (t *tapCommand) writeTest(to io.Writer) error {
	if !t.asTest() || len(t.saved) == 0 {
		return nil
	}
	return flowtest.WriteTest(to, t.saved)
}

// withInstance is the result of a reply, byte for byte, and whose it is.
func withInstance(r control.Reply) ([]byte, error) {
	name, err := marshal(r.Instance)
	if err != nil {
		return nil, err
	}
	rest, isObject := bytes.CutPrefix(bytes.TrimSpace(r.Result), []byte("{"))
	if !isObject {
		return nil, fmt.Errorf("the copy of %s is no object", r.Instance)
	}
	line := append([]byte(`{"instance":`), name...)
	line = append(append(line, ','), rest...)
	return append(line, '\n'), nil
}

// sum says what is missing.
func (t *tapCommand) sum(stderr io.Writer) {
	for _, instance := range addresses(t.dropped) {
		if n := t.dropped[instance]; n > 0 {
			fmt.Fprintf(stderr, "eipd: %s: %d copies were dropped, as they came faster than they were taken\n", visible.Line(instance), n)
		}
	}
}
