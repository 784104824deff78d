package program

import (
	"context"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A Process is a program that runs until it ends by itself or is stopped.
type Process struct {
	// Stdout is what the program prints. It must be read, and ends when the program
	// has ended.
	Stdout io.Reader

	name   string
	cmd    *exec.Cmd
	stdout *os.File
	errs   *errorLines
	cancel context.CancelFunc
	wait   func() error
}

// Start starts the program argv[0] with nothing on its standard input. Of limits,
// Grace, Stderr and Env count.
func Start(argv []string, limits Limits) (*Process, error) {
	name, err := nameOf(argv)
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, failure(name, err, "")
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Process{Stdout: out, name: name, stdout: out, errs: &errorLines{each: limits.Stderr}, cancel: cancel}
	p.cmd = command(ctx, argv, limits)
	p.cmd.Stdout, p.cmd.Stderr = in, p.errs
	finish, err := startGroup(p.cmd, orGrace(limits.Grace))
	in.Close()
	if err != nil {
		cancel()
		out.Close()
		return nil, failure(name, err, "")
	}
	p.wait = sync.OnceValue(func() error {
		err := finish()
		p.errs.flush()
		cancel()
		if err != nil {
			return failure(name, err, p.errs.tail())
		}
		return nil
	})
	return p, nil
}

// Wait waits until the program has ended, and returns an *ExitError where it did
// not exit with 0.
func (p *Process) Wait() error { return p.wait() }

// Stop tells the program and all that it started to end, kills what has not
// within the grace, and waits. What was printed and not read is lost.
func (p *Process) Stop() {
	p.cancel()
	p.wait()
	// A read that is blocked by something which left the group ends with it.
	p.stdout.SetReadDeadline(time.Now())
}

// Close gives the pipe back once Stdout has been read to its end.
func (p *Process) Close() error { return p.stdout.Close() }
