// Command eipd runs flow files: enterprise integration patterns as a process.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes, as documented.
const (
	exitFailed  = 1 // the flow files or the run failed
	exitUsage   = 2 // wrong usage
	exitTimeout = 3
)

func main() { os.Exit(execute(os.Args[1:])) }

// failure is an error that was printed already, or that needs no usage after it.
type failure struct {
	code int
	err  error // nil: printed already
}

func (f failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f failure) Unwrap() error { return f.err }

func execute(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	var f failure
	if errors.As(err, &f) {
		if f.err != nil {
			fmt.Fprintln(os.Stderr, "eipd:", f.err)
		}
		return f.code
	}
	fmt.Fprintf(os.Stderr, "eipd: %v\nSee eipd --help.\n", err)
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "eipd",
		Short: "Runs flow files: enterprise integration patterns as a process",
		Long: `eipd takes messages from queues, topics, files, HTTP and programs, passes them
through stages (wire tap, detour, router, smart proxy …) and sends them on, as
flow files say.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newCheck(), newFmt(), newExplain(), newPlan(), newPing(), newSend(), newCall(), newReceive(), newControl(), newStatus(), newTop(), newTap(), newVersion())
	return root
}
