package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/internal/rabbit"
)

// TestMain lets the test binary be eipd: tests run it as a process of its own, with
// the race detector where they have it themselves.
func TestMain(m *testing.M) {
	if os.Getenv("EIPD_TEST_AS_COMMAND") != "" {
		main()
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		rabbit.Close()
		os.Exit(code)
	}))
}

// eipd is a command that runs eipd in dir. It is killed when it takes many minutes.
func eipd(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, self, args...)
	c.Dir = dir
	// The race detector waits a second at the end of each process, unless told otherwise.
	c.Env = append(os.Environ(), "EIPD_TEST_AS_COMMAND=1", "EIPD_BROKER=", "GORACE=atexit_sleep_ms=50 "+os.Getenv("GORACE"))
	return c
}

// output runs it to its end, and returns what it printed and its exit code.
func output(t *testing.T, c *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	if e := c.Run(); e != nil && c.ProcessState == nil {
		t.Fatal(e)
	}
	return out.String(), err.String(), c.ProcessState.ExitCode()
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good.hcl", `
adapter "stdio" "in" {}
flow "f" {
  from = adapter.in
  to   = adapter.in
}
`)
	write(t, dir, "bad.hcl", `
flow "f" {
  from = queue.missing
  discard {}
}
`)
	for option, others := range map[string]string{"ca": "", "cert": `key = "good.hcl"`, "key": `cert = "good.hcl"`} {
		write(t, dir, option+".hcl", fmt.Sprintf(`
broker "b" {
  url = "amqps://127.0.0.1:1"
  tls {
    %s = "/dev/zero"
    %s
  }
}
queue "in" { broker = broker.b }
flow "f" {
  from = queue.in
  discard {}
}
`, option, others))
	}
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"a device as ca":     {[]string{"plan", "ca.hcl"}, 1, "read ca: /dev/zero is a device"},
		"a device as cert":   {[]string{"plan", "cert.hcl"}, 1, "read cert: /dev/zero is a device"},
		"a device as key":    {[]string{"plan", "key.hcl"}, 1, "read key: /dev/zero is a device"},
		"checked":            {[]string{"check", "good.hcl"}, 0, "ok: 1 flow"},
		"wrong file":         {[]string{"check", "bad.hcl"}, 1, "bad.hcl:3:10"},
		"no such file":       {[]string{"check", "none.hcl"}, 1, "none.hcl"},
		"no files":           {[]string{"run"}, 2, "--help"},
		"no such command":    {[]string{"rnu"}, 2, "--help"},
		"no such flag":       {[]string{"run", "--untilidle", "good.hcl"}, 2, "--untilidle"},
		"no such flow":       {[]string{"run", "--flow", "g", "good.hcl"}, 1, `"g"`},
		"version":            {[]string{"version"}, 0, "eipd "},
		"explained":          {[]string{"explain", "thumbnail"}, 0, "The most pixels that an original may have."},
		"a pattern":          {[]string{"explain", "return ADDRESS"}, 0, "docs/patterns/return-address.md"},
		"no pattern":         {[]string{"explain", "Return Adress"}, 1, "did you mean Return Address?"},
		"functions":          {[]string{"explain", "functions"}, 0, "captures(text, pattern)"},
		"one function":       {[]string{"explain", "functions", "sortBy"}, 0, "sortBy(list, expression, order)"},
		"no function":        {[]string{"explain", "functions", "sortby"}, 1, "did you mean sortBy?"},
		"nothing to explain": {[]string{"explain", "thumbnial"}, 1, "did you mean thumbnail?"},
		"version by flag":    {[]string{"--version"}, 0, "eipd "},
		"failed in JSON":     {[]string{"run", "--log-format", "json", "--flow", "g", "good.hcl"}, 1, `"level":"ERROR","msg":"failed"`},
		"completion":         {[]string{"completion", "bash"}, 0, "bash completion"},
	}
	for _, args := range []string{"ping", "call queue.q", "send queue.q", "receive queue.q", "plan good.hcl"} {
		tests["no time to "+args] = struct {
			args []string
			code int
			says string
		}{append(strings.Fields(args), "--timeout", "0s"), 2, "must be longer than 0s"}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := output(t, eipd(t, dir, tt.args...))
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
				t.Errorf("exit %d, want %d and %q in:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}
