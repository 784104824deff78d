// Command eipd runs flow files: enterprise integration patterns as a process.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/internal/secret"
	"github.com/eipd/eipd/internal/visible"
)

// Exit codes, as documented.
const (
	exitFailed  = 1 // the flow files or the run failed
	exitUsage   = 2 // wrong usage
	exitTimeout = 3
	exitLetters = 4 // messages, a Test Message or a request failed for good
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
	learn(args)
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	var f failure
	if errors.As(err, &f) {
		if f.err != nil {
			fmt.Fprintln(os.Stderr, "eipd:", said(f.err))
		}
		return f.code
	}
	fmt.Fprintf(os.Stderr, "eipd: %s\nSee eipd --help.\n", said(err))
	return exitUsage
}

// secrets are those of the command line and its environment. Flow files have theirs.
var secrets secret.Set

func learn(args []string) {
	for _, arg := range args {
		secrets.Learn("", arg)
	}
	for _, name := range []string{"EIPD_BROKER", "EIPD_CONTROL_SECRET"} {
		secrets.Learn(name, os.Getenv(name))
	}
}

// said is an error as people see it.
func said(err error) string { return visible.Lines(secrets.Hide(err.Error())) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "eipd",
		Short: "Runs flow files: enterprise integration patterns as a process",
		Long: `eipd takes messages from queues, topics, files, HTTP and programs, passes them
through stages (wire tap, detour, router, smart proxy …) and sends them on, as
flow files say.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("eipd {{.Version}}\n")
	root.AddCommand(
		newNew(), newRun(), newCheck(), newFmt(), newExplain(), newPlan(), newTest(), newGraph(),
		newSend(), newCall(), newReceive(), newPing(),
		newControl(), newStatus(), newState(), newTop(), newTap(), newDlq(),
		newVersion())
	completeFolders(root)
	return root
}
