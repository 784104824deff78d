package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow/flowtest"
)

type testCommand struct {
	run      string
	tags     []string
	list     bool
	verbose  bool
	failFast bool
	parallel int
	count    int
	shuffle  string
	timeout  time.Duration
	update   bool
}

func newTest() *cobra.Command {
	t := &testCommand{}
	c := &cobra.Command{
		Use:   "test [FILES…]",
		Short: "Run the tests of flows",
		Long: `Runs tests of flows: files whose names end in _test.hcl, and of folders all such files
in them and below. Without FILES, those of the working directory.

A test needs no broker, network, program or clock: each has a broker in memory, time
passes when a test says so, and nothing is read or written outside but the files that
tests name.

Exit code 0: all passed; 1: one failed; 2: the files are wrong, or no test ran.`,
		RunE: func(_ *cobra.Command, args []string) error { return t.all(args) },
	}
	f := c.Flags()
	f.StringVar(&t.run, "run", "", "run only tests whose names this regular `expression` matches")
	f.StringSliceVar(&t.tags, "tags", nil, "run only tests that have one of these `words` among their tags")
	f.BoolVar(&t.list, "list", false, "print the tests, and run none")
	f.BoolVarP(&t.verbose, "verbose", "v", false, "print the way of each message")
	f.BoolVar(&t.failFast, "fail-fast", false, "begin no further test once one has failed")
	f.IntVar(&t.parallel, "parallel", 0, "run `N` tests at once (default the processors)")
	f.IntVar(&t.count, "count", 1, "run each test `N` times")
	f.StringVar(&t.shuffle, "shuffle", "", "run them in another order, by chance or that of a `seed`")
	f.Lookup("shuffle").NoOptDefVal = "by chance"
	f.DurationVar(&t.timeout, "timeout", 0, "how `long` one test may take, in real time (default what its file says, or 10s)")
	f.BoolVar(&t.update, "update", false, "write the files that golden names")
	return c
}

func (t *testCommand) all(args []string) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	names, err := flowtest.Find(args)
	if err != nil {
		return failure{exitUsage, err}
	}
	if len(names) == 0 {
		return failure{exitUsage, errors.New("there are no files of tests; their names end in _test.hcl")}
	}
	files, err := flowtest.Load(names)
	var wrong *flowtest.Invalid
	if errors.As(err, &wrong) {
		err = errors.Join(wrong.Write(os.Stderr, colourful(os.Stderr)), err)
	}
	if err != nil {
		return failure{exitUsage, err}
	}
	options, err := t.options()
	if err != nil {
		return failure{exitUsage, err}
	}
	if t.list {
		return t.print(files, options)
	}
	flowtest.Main(func(tt *testing.T) int { return t.report(tt, files, options) })
	return nil
}

func (t *testCommand) options() (o flowtest.Options, err error) {
	o = flowtest.Options{FailFast: t.failFast, Parallel: t.parallel, Count: t.count, Timeout: t.timeout, Update: t.update}
	named, err := regexp.Compile(t.run)
	if err != nil {
		return o, fmt.Errorf("--run: %w", err)
	}
	o.Pick = func(one *flowtest.Test) bool {
		tagged := len(t.tags) == 0 || slices.ContainsFunc(one.Tags(), func(tag string) bool { return slices.Contains(t.tags, tag) })
		return tagged && named.MatchString(one.Name)
	}
	return o, nil
}

func (t *testCommand) print(files []*flowtest.File, o flowtest.Options) error {
	for _, f := range files {
		for _, one := range f.Tests {
			if o.Pick(one) {
				fmt.Fprintf(os.Stdout, "%s:%d  %s\n", f.Name, one.Line, one.Name)
			}
		}
	}
	return nil
}

// report runs the tests, says what became of them, and returns the exit code.
func (t *testCommand) report(tt *testing.T, files []*flowtest.File, o flowtest.Options) int {
	began := time.Now()
	results := flowtest.Run(tt, files, o)
	all, err := flowtest.WriteText(os.Stdout, results, time.Since(began), t.verbose)
	switch {
	case err != nil:
		return exitFailed
	case all.Passed+all.Failed == 0:
		fmt.Fprintln(os.Stderr, "eipd: no test ran")
		return exitUsage
	case all.Failed > 0:
		return exitFailed
	}
	return 0
}
