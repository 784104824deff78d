package program

import (
	"context"
	"errors"
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
	// Stdin is the program's standard input, of one that Converse started. Its write
	// deadline ends a write.
	Stdin *os.File

	name   string
	cmd    *exec.Cmd
	stdout *os.File
	errs   *errorLines
	cancel context.CancelFunc
	wait   func() error
}

// Start starts the program argv[0] with nothing on its standard input. Of limits,
// Grace, Stderr and Env count.
func Start(argv []string, limits Limits) (*Process, error) { return start(argv, limits, nil) }

// Converse is Start with a standard input. Whatever the program has started ends with
// it, unless it has left the group.
func Converse(argv []string, limits Limits) (*Process, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p, err := start(argv, limits, in)
	in.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	p.Stdin = out
	go func() {
		p.wait()
		killGroup(p.cmd)
		p.stdout.SetReadDeadline(time.Now().Add(orGrace(limits.Grace)))
	}()
	return p, nil
}

func start(argv []string, limits Limits, stdin *os.File) (*Process, error) {
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
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
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
func (p *Process) Stop() { p.End(0) }

// End is Stop, and Wait, of a program that may first end by itself for a while.
func (p *Process) End(within time.Duration) error {
	late := time.AfterFunc(within, p.cancel)
	defer late.Stop()
	err := p.wait()
	// A read that is blocked by something which left the group ends with it.
	p.stdout.SetReadDeadline(time.Now())
	return err
}

// Close gives the pipes back once Stdout has been read to its end.
func (p *Process) Close() error {
	if p.Stdin != nil {
		return errors.Join(p.stdout.Close(), p.Stdin.Close())
	}
	return p.stdout.Close()
}
