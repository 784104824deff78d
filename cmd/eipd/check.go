package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/internal/visible"
)

func newCheck() *cobra.Command {
	l, tests := &loading{}, false
	c := &cobra.Command{
		Use:   "check FILES…",
		Short: "Load and check flow files, without connecting to anything",
		Long: `Loads and checks flow files as run does, and connects to nothing. It prints every
problem with its file, line and column, and what to do. Exit code 0: they can be
run (there may be warnings); 1: they cannot.

Where the files declare environments, it checks them with each of these, or with that
of --env alone. Without --env, an environment may ask for environment variables that
are not set here: what depends on these is not checked, which is a warning.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			defer watch(strings.Join(args, " "))()
			config, err := l.loadBy(flow.Check, args)
			if err != nil {
				return err
			}
			if tests {
				if err := checkTests(args); err != nil {
					return err
				}
			}
			fmt.Fprintf(os.Stdout, "ok: %s, %s, %s\n", count(len(config.Flows), "flow"), count(len(config.Channels), "channel"), count(len(config.Adapters), "adapter"))
			return nil
		},
	}
	l.flags(c)
	c.Flags().BoolVar(&tests, "tests", false, "check the files of tests that lie beside them, too")
	return c
}

// checkTests checks the files of tests in the folders of flow files.
func checkTests(args []string) error {
	files, _ := flow.Find(args) // which were found before
	var tests []string
	for _, name := range files {
		for _, pattern := range []string{"*_test.hcl", "*_test.hcl.json"} {
			found, err := filepath.Glob(filepath.Join(filepath.Dir(name), pattern))
			if err != nil {
				return failure{exitFailed, err}
			}
			tests = append(tests, found...)
		}
	}
	slices.Sort(tests)
	if _, err := loadTests(slices.Compact(tests)); err != nil {
		return failure{exitFailed, err}
	}
	return nil
}

// What check may take where the counting of the loader was wrong: a stranger's file
// must not stop a machine.
const (
	watchMemory = 256 << 20
	watchTime   = 4500 * time.Millisecond // of a core
)

// watch ends the process when it takes more, until what it returns is called.
func watch(files string) (stop func()) {
	debug.SetMemoryLimit(watchMemory * 3 / 4)
	done := make(chan struct{})
	go func() {
		used := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for tick := time.Tick(10 * time.Millisecond); ; {
			select {
			case <-done:
				return
			case <-tick:
			}
			metrics.Read(used)
			if used[0].Value.Uint64()-used[1].Value.Uint64() > watchMemory {
				tooMuch(files, "256 MiB of memory")
			}
			if usedTime() > watchTime {
				tooMuch(files, "4.5 seconds")
			}
		}
	}()
	return func() { close(done) }
}

func tooMuch(files, what string) {
	fmt.Fprintf(os.Stderr, "%s: error: Too much\n  To load this takes more than %s. Nothing that people write does.\n", visible.Line(files), what)
	os.Exit(exitFailed)
}
