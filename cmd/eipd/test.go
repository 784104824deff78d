package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow/flowtest"
	"github.com/eipd/eipd/internal/visible"
)

type testCommand struct {
	flowtest.Options
	run      string
	tags     []string
	list     bool
	verbose  bool
	json     bool
	shuffle  string
	junit    string
	cover    bool
	coverOut string
	coverMin float64
}

// byChance is --shuffle without a seed.
const byChance = "chance"

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

Ctrl-C waits for the tests that have begun; a second one ends them.

Exit code 0: all passed; 1: one failed, or too little is covered; 2: wrong usage, the
files are wrong, or no test ran.`,
		RunE: func(_ *cobra.Command, args []string) error { return t.all(args) },
	}
	f := c.Flags()
	f.StringVar(&t.run, "run", "", "run only tests whose names this regular `expression` matches")
	f.StringSliceVar(&t.tags, "tags", nil, "run only tests that have one of these `words` among their tags")
	f.BoolVar(&t.list, "list", false, "print the tests, and run none")
	f.BoolVarP(&t.verbose, "verbose", "v", false, "print the way of each message")
	f.BoolVar(&t.json, "json", false, "print one event a line, as JSON")
	f.BoolVar(&t.FailFast, "fail-fast", false, "begin no further test once one has failed")
	f.IntVar(&t.Parallel, "parallel", 0, "run so `many` tests at once (default the processors)")
	f.IntVar(&t.Count, "count", 1, "how `often` each test is run: 1 to 10000")
	f.StringVar(&t.shuffle, "shuffle", "", "run them in another order: by chance, or that of a `seed`")
	f.Lookup("shuffle").NoOptDefVal = byChance
	f.DurationVar(&t.Timeout, "timeout", 0, "how `long` one test may take, in real time (default what its file says, or 1m)")
	f.BoolVar(&t.Update, "update", false, "write the files that golden names")
	f.StringVar(&t.junit, "junit", "", "write the results to this `file`, in JUnit's XML")
	f.BoolVar(&t.cover, "cover", false, "say which outcomes of flows the tests have seen")
	f.StringVar(&t.coverOut, "cover-out", "", "write these to this `file`: as LCOV, or, where its name ends in .json, as JSON")
	f.Float64Var(&t.coverMin, "cover-min", 0, "end with 1 where fewer `percent` of the outcomes are covered")
	return c
}

func (t *testCommand) all(args []string) error {
	if len(args) == 0 {
		args = []string{"."}
	}
	wrong := func(err error) error { return failure{exitUsage, err} }
	if err := t.check(); err != nil {
		return wrong(err)
	}
	names, err := flowtest.Find(args)
	if err != nil {
		return wrong(err)
	}
	if len(names) == 0 {
		return wrong(errors.New("there are no files of tests; their names end in _test.hcl"))
	}
	files, err := loadTests(names)
	if err != nil {
		return wrong(err)
	}
	if err := t.pick(files); err != nil {
		return wrong(err)
	}
	if t.list {
		t.print(files)
		return nil
	}
	flowtest.Main(func(tt *testing.T) int { return t.report(tt, files) })
	return nil
}

// mostRuns bounds --count: results of all runs are in memory.
const mostRuns = 10000

// check refuses what no number of runs, and no time, can be.
func (t *testCommand) check() error {
	switch {
	case t.Count < 1 || t.Count > mostRuns:
		return fmt.Errorf("--count must be 1 to %d", mostRuns)
	case t.Parallel < 0:
		return errors.New("--parallel must be at least 0")
	case t.Timeout < 0:
		return errors.New("--timeout must be at least 0s")
	case !(t.coverMin >= 0 && t.coverMin <= 100): // nor NaN
		return errors.New("--cover-min must be 0 to 100")
	}
	return nil
}

// loadTests loads test files, and prints what is wrong with them.
func loadTests(names []string) ([]*flowtest.File, error) {
	files, err := flowtest.Load(names)
	var wrong *flowtest.Invalid
	if errors.As(err, &wrong) {
		if failed := wrong.Write(os.Stderr, colourful(os.Stderr)); failed != nil {
			return nil, failed
		}
	}
	return files, err
}

// pick reads which tests are to run, and in which order.
func (t *testCommand) pick(files []*flowtest.File) error {
	named, err := regexp.Compile(t.run)
	if err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	t.Pick = func(one *flowtest.Test) bool {
		tagged := len(t.tags) == 0 || slices.ContainsFunc(one.Tags(), func(tag string) bool { return slices.Contains(t.tags, tag) })
		return tagged && named.MatchString(one.Name)
	}
	switch t.shuffle {
	case "":
	case byChance:
		seed := rand.Uint64()
		t.Shuffle = &seed
		fmt.Fprintf(os.Stderr, "eipd: --shuffle=%d\n", seed)
	default:
		seed, err := strconv.ParseUint(t.shuffle, 10, 64)
		if err != nil {
			return fmt.Errorf("--shuffle: %q is no whole number", t.shuffle)
		}
		t.Shuffle = &seed
	}
	for _, f := range files {
		if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci && f.Only {
			return fmt.Errorf("%s: a test says only = true, which leaves out all others; CI is set, and wants them", f.Name)
		}
	}
	return nil
}

func (t *testCommand) print(files []*flowtest.File) {
	for _, f := range files {
		for _, one := range f.Tests {
			if t.Pick(one) {
				fmt.Fprintln(os.Stdout, visible.Line(fmt.Sprintf("%s:%d  %s", f.Name, one.Line, one.Name)))
			}
		}
	}
}

// report runs the tests, says what became of them, and returns the exit code.
func (t *testCommand) report(tt *testing.T, files []*flowtest.File) int {
	stop := make(chan struct{})
	t.Stop = stop
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	interrupted := false
	done := make(chan []*flowtest.Result, 1)
	began := time.Now()
	go func() { done <- flowtest.Run(tt, files, t.Options) }()
	var results []*flowtest.Result
	select {
	case results = <-done:
	case <-signals:
		interrupted = true
		signal.Stop(signals) // a test may hang: the second one ends the process
		fmt.Fprintln(os.Stderr, "eipd: interrupted; it waits for the tests that have begun")
		close(stop)
		results = <-done
	}
	var summary flowtest.Summary
	for _, r := range results {
		summary.Add(r)
	}
	coverage, err := t.write(files, results, began)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "eipd:", said(err))
		return exitFailed
	case summary.Passed+summary.Failed == 0 && !interrupted:
		fmt.Fprintln(os.Stderr, "eipd: no test ran")
		return exitUsage
	case summary.Failed > 0 || interrupted:
		return exitFailed
	case coverage.Percent() < t.coverMin:
		fmt.Fprintf(os.Stderr, "eipd: %.1f %% of the outcomes are covered, less than --cover-min %g\n", coverage.Percent(), t.coverMin)
		return exitFailed
	}
	return 0
}

// write writes results where they are wanted.
func (t *testCommand) write(files []*flowtest.File, results []*flowtest.Result, began time.Time) (*flowtest.Coverage, error) {
	coverage := flowtest.Cover(files, results)
	var err error
	switch {
	case t.json && t.cover:
		err = flowtest.WriteEvents(os.Stdout, results, coverage)
	case t.json:
		err = flowtest.WriteEvents(os.Stdout, results, nil)
	default:
		if t.cover {
			defer func() { _ = coverage.WriteText(os.Stdout) }()
		}
		err = flowtest.WriteText(os.Stdout, results, t.verbose)
	}
	if t.junit != "" {
		err = errors.Join(err, toFile(t.junit, func(w io.Writer) error { return flowtest.WriteJUnit(w, results, began) }))
	}
	if t.coverOut != "" {
		to := coverage.WriteLCOV
		if strings.HasSuffix(t.coverOut, ".json") {
			to = coverage.WriteJSON
		}
		err = errors.Join(err, toFile(t.coverOut, to))
	}
	return coverage, err
}

// toFile writes a file anew.
func toFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
