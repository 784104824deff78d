package main

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a running eipd whose lines are read as they come.
type process struct {
	cmd         *exec.Cmd
	stdout, log chan string
	seen        []string // of the log
	printed     []string // on standard output, at the end
	reading     sync.WaitGroup
}

func start(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: c, stdout: make(chan string, 1000), log: make(chan string, 1000)}
	for lines, pipe := range map[chan string]func() (io.ReadCloser, error){p.stdout: c.StdoutPipe, p.log: c.StderrPipe} {
		r, err := pipe()
		if err != nil {
			t.Fatal(err)
		}
		p.reading.Go(func() {
			defer close(lines)
			for s := bufio.NewScanner(r); s.Scan(); {
				lines <- s.Text()
			}
		})
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// line returns the next line of standard output.
func (p *process) line(t *testing.T) string {
	t.Helper()
	select {
	case l, ok := <-p.stdout:
		if ok {
			return l
		}
	case <-time.After(time.Minute):
	}
	p.fail(t, "it printed no more")
	return ""
}

// ready waits until all flows take messages.
func (p *process) ready(t *testing.T) {
	t.Helper()
	for l := range p.log {
		p.seen = append(p.seen, l)
		if strings.Contains(l, " msg=ready ") {
			return
		}
	}
	p.fail(t, "it did not become ready")
}

// address returns where the gateway listens.
func (p *process) address(t *testing.T) string {
	t.Helper()
	for l := range p.log {
		p.seen = append(p.seen, l)
		if _, at, ok := strings.Cut(l, " address="); ok && strings.Contains(l, "msg=listening") {
			at, _, _ = strings.Cut(at, " ")
			return at
		}
	}
	p.fail(t, "it did not say where it listens")
	return ""
}

func (p *process) fail(t *testing.T, why string) {
	t.Helper()
	_ = p.cmd.Process.Kill()
	for l := range p.log {
		p.seen = append(p.seen, l)
	}
	t.Fatalf("%s; its log:\n%s", why, strings.Join(p.seen, "\n"))
}

// interrupt ends it as ctrl-C does.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for l := range p.stdout {
		p.printed = append(p.printed, l)
	}
	p.reading.Wait()
	if err := p.cmd.Wait(); err != nil {
		p.fail(t, "it ended with "+err.Error())
	}
}

// until waits for what only looking can tell.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
