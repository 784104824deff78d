package program_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/internal/program"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestRun(t *testing.T) {
	big := program.Limits{Output: 1 << 20}
	tests := map[string]struct {
		argv   []string
		stdin  string
		limits program.Limits
		want   string
		err    string
	}{
		"output":                  {sh(`tr a-z A-Z`), "hello", big, "HELLO", ""},
		"output is thrown away":   {sh(`echo hello`), "", program.Limits{}, "", ""},
		"input is not read":       {sh(`exit 0`), strings.Repeat("x", 1<<20), big, "", ""},
		"environment":             {sh(`printf %s "$COLOUR"`), "", program.Limits{Output: 9, Env: []string{"COLOUR=red"}}, "red", ""},
		"exit status":             {sh(`echo no such >&2; echo order >&2; exit 3`), "", big, "", "run sh: exit status 3: no such order"},
		"signal":                  {sh(`kill -9 $$`), "", big, "", "run sh: signal: killed"},
		"too much output":         {sh(`yes`), "", program.Limits{Output: 1 << 10}, "", "run sh: too much output: more than 1KiB"},
		"too slow":                {sh(`sleep 60`), "", program.Limits{Timeout: 50 * time.Millisecond}, "", "run sh: it took longer than 50ms"},
		"no such program":         {[]string{"no-such-program"}, "", big, "", "run no-such-program: executable file not found in $PATH"},
		"no such path":            {[]string{"/no/such/program"}, "", big, "", "run program: fork/exec /no/such/program: no such file or directory"},
		"nothing":                 {nil, "", big, "", "run program: no program is named"},
		"no shell":                {[]string{"/bin/echo", "$(id)", ";", "id"}, "", big, "$(id) ; id\n", ""},
		"background keeps a pipe": {sh(`sleep 60 & echo started`), "", program.Limits{Output: 99, Grace: 50 * time.Millisecond}, "started\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := program.Run(t.Context(), tt.argv, []byte(tt.stdin), tt.limits)
			if string(out) != tt.want {
				t.Errorf("output %q, want %q", out, tt.want)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestRun_ErrorKinds(t *testing.T) {
	_, err := program.Run(t.Context(), sh("exit 7"), nil, program.Limits{})
	var exit *program.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 {
		t.Errorf("%v is no ExitError of code 7", err)
	}
	_, err = program.Run(t.Context(), sh("yes"), nil, program.Limits{Output: 10})
	if !errors.Is(err, program.ErrOutput) {
		t.Errorf("%v is no ErrOutput", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = program.Run(ctx, sh("exit 0"), nil, program.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no cancellation", err)
	}
}

func TestRun_StderrByLine(t *testing.T) {
	var lines []string
	long := strings.Repeat("y", 10_000)
	_, err := program.Run(t.Context(), sh(`printf 'a\r\n\nb' >&2; printf '\n%s\nlast' "`+long+`" >&2`), nil,
		program.Limits{Stderr: func(line string) { lines = append(lines, line) }})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", long[:4096], "last"}; strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("got %d lines: %.80q", len(lines), lines)
	}
}

// A program that does not heed SIGTERM is killed, with what it has started.
func TestRun_KillsTheGroup(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for t.Context().Err() == nil {
			if b, err := os.ReadFile(pid); err == nil && strings.HasSuffix(string(b), "\n") {
				cancel()
				return
			}
		}
	}()
	_, err := program.Run(ctx, sh(`trap '' TERM; (trap '' TERM; while :; do sleep 60; done) & echo $! > `+pid+`; wait`), nil,
		program.Limits{Output: 99, Grace: 100 * time.Millisecond})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b, _ := os.ReadFile(pid)
	child, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	gone(t, child)
}

// gone waits until a process has ended; whoever inherits it may reap it late.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil && syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is alive", pid)
}

func TestProcess(t *testing.T) {
	var errs []string
	p, err := program.Start(sh(`echo one; echo warn >&2; echo two; exit 4`), program.Limits{Stderr: func(l string) { errs = append(errs, l) }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := io.ReadAll(p.Stdout)
	if string(out) != "one\ntwo\n" || err != nil {
		t.Errorf("read %q, %v", out, err)
	}
	if err := p.Wait(); err == nil || err.Error() != "run sh: exit status 4: warn" {
		t.Errorf("ended with %v", err)
	}
	if len(errs) != 1 || errs[0] != "warn" {
		t.Errorf("standard error %q", errs)
	}
}

func TestProcess_Stop(t *testing.T) {
	p, err := program.Start(sh(`trap '' TERM; sleep 60 & echo $!; wait; echo more; exec sleep 60`), program.Limits{Grace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := bufio.NewReader(p.Stdout)
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if _, err := io.Copy(io.Discard, r); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading on: %v", err)
	}
	child, _ := strconv.Atoi(strings.TrimSpace(line))
	gone(t, child)
}

func TestStart_NoSuchProgram(t *testing.T) {
	if _, err := program.Start([]string{"no-such-program"}, program.Limits{}); err == nil {
		t.Error("it started")
	}
}
