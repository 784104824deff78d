// Package program runs programs for stages and adapters: never by a shell, in a
// process group of their own, with bounded output, and killed with all that they
// started when their time is up.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// Limits bound one run of a program.
type Limits struct {
	// Timeout ends a run that takes longer; 0: none.
	Timeout time.Duration
	// Grace is how long a program that was told to end (SIGTERM) may take before
	// it is killed, and how long the output of one that has ended is read on, where
	// something that it started holds it open; 0: 2 s.
	Grace time.Duration
	// Output is the most that the program may print on standard output; 0: what it
	// prints there is thrown away.
	Output eip.Bytes
	// Stderr, where set, is given each line of standard error.
	Stderr func(line string)
	// Env is added to this process' environment, as NAME=value.
	Env []string
}

const defaultGrace = 2 * time.Second

// An ExitError says how a program ended that did not end well.
type ExitError struct {
	Program string
	Code    int    // -1 where a signal ended it
	Status  string // "exit status 3", "signal: killed"
	Stderr  string // the end of what it printed on standard error
}

func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("run %s: %s", e.Program, e.Status)
	}
	return fmt.Sprintf("run %s: %s: %s", e.Program, e.Status, e.Stderr)
}

// ErrOutput is the error of a program that printed more than it may.
var ErrOutput = errors.New("too much output")

// Run runs the program argv[0] with the rest of argv as arguments and stdin as
// standard input. It returns what the program printed on standard output, and an
// *ExitError where it did not exit with 0. It waits until the program has ended,
// also when ctx ends first.
func Run(ctx context.Context, argv []string, stdin []byte, limits Limits) ([]byte, error) {
	name, err := nameOf(argv)
	if err != nil {
		return nil, err
	}
	if limits.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limits.Timeout, fmt.Errorf("it took longer than %v", limits.Timeout))
		defer cancel()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := &output{max: int(limits.Output), overflow: func() {
		stop(fmt.Errorf("%w: more than %v", ErrOutput, limits.Output))
	}}
	errs := &errorLines{each: limits.Stderr}
	cmd := command(ctx, argv, limits)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), errs
	if limits.Output > 0 {
		cmd.Stdout = out
	}
	finish, err := startGroup(cmd, orGrace(limits.Grace))
	if err != nil {
		return nil, failure(name, err, "")
	}
	err = finish()
	errs.flush()
	switch {
	case context.Cause(ctx) != nil && (err != nil || out.over):
		return nil, fmt.Errorf("run %s: %w", name, context.Cause(ctx))
	case errors.Is(err, exec.ErrWaitDelay): // it exited with 0, and left something behind that has its output
		return out.buf.Bytes(), nil
	case err != nil:
		return nil, failure(name, err, errs.tail())
	}
	return out.buf.Bytes(), nil
}

func nameOf(argv []string) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("run program: no program is named")
	}
	return filepath.Base(argv[0]), nil
}

func orGrace(d time.Duration) time.Duration {
	if d <= 0 {
		return defaultGrace
	}
	return d
}

func command(ctx context.Context, argv []string, limits Limits) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if len(limits.Env) > 0 {
		cmd.Env = append(os.Environ(), limits.Env...)
	}
	ownGroup(cmd)
	return cmd
}

// startGroup starts cmd; finish waits for its end. When cmd's context ends, its
// whole group is told to end and, after grace, killed.
func startGroup(cmd *exec.Cmd, grace time.Duration) (finish func() error, err error) {
	var kill *time.Timer
	cmd.Cancel = func() error {
		kill = time.AfterFunc(grace, func() { killGroup(cmd) })
		return endGroup(cmd)
	}
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		err := cmd.Wait()
		if kill != nil {
			kill.Stop()
			killGroup(cmd) // whoever in the group did not heed SIGTERM
		}
		return err
	}, nil
}

// failure tells an exit from a program that could not be run at all.
func failure(name string, err error, stderr string) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ExitError{Program: name, Code: exit.ExitCode(), Status: exit.String(), Stderr: stderr}
	}
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		return fmt.Errorf("run %s: %w", name, lookup.Err)
	}
	return fmt.Errorf("run %s: %w", name, err)
}

// output keeps at most max bytes. It must not have the buffer's ReadFrom, which
// knows no limit.
type output struct {
	buf      bytes.Buffer
	max      int
	over     bool
	overflow func()
}

func (o *output) Write(p []byte) (int, error) {
	if o.buf.Len()+len(p) > o.max {
		o.over = true
		o.overflow()
		return 0, io.ErrShortWrite
	}
	return o.buf.Write(p)
}

// errorLines keeps the end of standard error, and hands on its lines.
type errorLines struct {
	each func(line string)
	line []byte
	last []byte
}

const (
	keptStderr = 1 << 10
	maxLine    = 4 << 10 // of standard error
)

func (w *errorLines) Write(p []byte) (int, error) {
	w.last = append(w.last, p[max(0, len(p)-keptStderr):]...)
	w.last = w.last[max(0, len(w.last)-keptStderr):]
	if w.each == nil {
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		w.line = append(w.line, part[:min(len(part), maxLine-len(w.line))]...)
		if end < 0 {
			break
		}
		w.flush()
		rest = rest[end+1:]
	}
	return len(p), nil
}

func (w *errorLines) flush() {
	if line := strings.TrimRight(string(w.line), "\r"); line != "" && w.each != nil {
		w.each(line)
	}
	w.line = w.line[:0]
}

// tail is the end of standard error as one line of an error.
func (w *errorLines) tail() string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(w.last), "")), " ")
}
