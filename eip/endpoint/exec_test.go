package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

func ExampleExec() {
	upper := endpoint.NewExec()
	upper.Command = []string{"tr", "a-z", "A-Z"}
	upper.Output = endpoint.OutputBody

	show := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	})
	flow := eip.Chain([]eip.Stage{upper}, show)
	eip.Deliver(context.Background(), flow, eip.New([]byte("order 7"), nil))
	// Output: ORDER 7
}

// run is an Exec of a command, changed by edit.
func run(edit func(*endpoint.Exec), command ...string) *endpoint.Exec {
	e := endpoint.NewExec()
	e.Command = command
	if edit != nil {
		edit(e)
	}
	return e
}

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func toBody(e *endpoint.Exec) { e.Output = endpoint.OutputBody }

func TestExec_Contract(t *testing.T) {
	for name, c := range map[string]eiptest.StageCase{
		"passes on": {New: func(eip.Handler) eip.Stage { return run(nil, "true") }},
		"output":    {New: func(eip.Handler) eip.Stage { return run(toBody, "cat") }},
		"fails":     {New: func(eip.Handler) eip.Stage { return run(nil, "false") }, Outcome: eiptest.Fails},
		"not there": {New: func(eip.Handler) eip.Stage { return run(nil, "no-such-program") }, Outcome: eiptest.Fails},
		"bad input": {New: func(eip.Handler) eip.Stage { return run(func(e *endpoint.Exec) { e.Input = noValue }, "cat") }, Outcome: eiptest.Rejects},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestExec_Bodies(t *testing.T) {
	tests := map[string]struct {
		exec *endpoint.Exec
		want string
	}{
		"output is thrown away":      {run(nil, sh("cat; echo more")...), "in"},
		"output is the body":         {run(toBody, sh("cat; echo more")...), "inmore\n"},
		"standard error is not":      {run(toBody, sh("cat >&2; echo out")...), "out\n"},
		"input is an expression":     {run(func(e *endpoint.Exec) { toBody(e); e.Input = text([]any{1, "<"}) }, "cat"), `[1,"<"]`},
		"text input is as it is":     {run(func(e *endpoint.Exec) { toBody(e); e.Input = text("t") }, "cat"), "t"},
		"input is not read":          {run(toBody, "true"), ""},
		"no shell reads the command": {run(toBody, "printf", "%s", "$HOME; *"), "$HOME; *"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := eiptest.Message("in").WithHeader("h", 1)
			m.ContentType = "text/csv"
			passed, err := eiptest.Process(t.Context(), tt.exec, m)
			if err != nil || len(passed) != 1 {
				t.Fatalf("passed on %d, %v", len(passed), err)
			}
			if got := passed[0]; string(got.Body()) != tt.want || got.ContentType != "text/csv" || got.Headers["h"] != 1 {
				t.Errorf("got %q of %q, want %q", got.Body(), got.ContentType, tt.want)
			}
		})
	}
}

func TestExec_ContentTypeOfTheOutput(t *testing.T) {
	e := run(func(e *endpoint.Exec) { toBody(e); e.ContentType = "application/json" }, "echo", "7")
	passed, err := eiptest.Process(t.Context(), e, eiptest.Message("x"))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := passed[0].Value(); v != 7 || err != nil {
		t.Errorf("got %#v, %v", v, err)
	}
}

// Nothing of a message reaches the program but by its standard input.
func TestExec_EnvironmentIsThisProcess(t *testing.T) {
	t.Setenv("EXEC_TEST", "from outside")
	m := eiptest.Message("x").WithHeaders(eip.Headers{"EXEC_TEST": "from the message", "LD_PRELOAD": "evil.so"})
	passed, err := eiptest.Process(t.Context(), run(toBody, "env"), m)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(passed[0].Body()); !strings.Contains(got, "EXEC_TEST=from outside\n") || strings.Contains(got, "evil") {
		t.Errorf("the program's environment is %s", got)
	}
}

func TestExec_Failures(t *testing.T) {
	tests := map[string]struct {
		exec *endpoint.Exec
		want string
	}{
		"exit status": {run(nil, sh("echo oh no >&2; exit 3")...), "exit status 3: oh no"},
		"signal":      {run(nil, sh("kill -9 $$")...), "signal: killed"},
		"too slow":    {run(func(e *endpoint.Exec) { e.Timeout = 50 * time.Millisecond }, "sleep", "600"), "took longer than 50ms"},
		"too much":    {run(func(e *endpoint.Exec) { toBody(e); e.MaxOutput = 1 << 10 }, "yes"), "too much output"},
		"not there":   {run(nil, "./no-such-program"), "no such file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			passed, err := eiptest.Process(t.Context(), tt.exec, eiptest.Message("x"))
			if err == nil || !strings.Contains(err.Error(), tt.want) || eip.IsPermanent(err) || passed != nil {
				t.Errorf("got %v, passed on %d, want %q", err, len(passed), tt.want)
			}
		})
	}
}

// When the flow stops, the program ends with it.
func TestExec_Cancelled(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	if err := syscall.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer cancel()
		if _, err := os.ReadFile(started); err != nil { // until the program has opened it and closed it
			t.Error(err)
		}
	}()
	var settled error
	eip.Deliver(ctx, eip.Chain([]eip.Stage{run(nil, sh(": > "+started+"; exec sleep 600")...)}, nil),
		eip.New(nil, func(err error) { settled = err }))
	if !errors.Is(settled, context.Canceled) {
		t.Errorf("settled with %v", settled)
	}
}

func TestExec_OpenWarnsOfAMissingProgram(t *testing.T) {
	for program, warns := range map[string]bool{"cat": false, "no-such-program": true, "./no-such-program": true} {
		var lines bytes.Buffer
		env := eiptest.Env()
		env.Log = slog.New(slog.NewTextHandler(&lines, nil))
		if err := run(nil, program).Open(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		if got := lines.String(); strings.Contains(got, "program="+program+" ") != warns {
			t.Errorf("%s: logged %q", program, got)
		}
	}
}

func TestExec_Validate(t *testing.T) {
	tests := map[string]struct {
		exec *endpoint.Exec
		want string
	}{
		"good":          {run(nil, "cat"), ""},
		"no command":    {run(nil), "command"},
		"empty program": {run(nil, "", "x"), "command"},
		"no time":       {run(func(e *endpoint.Exec) { e.Timeout = 0 }, "cat"), "timeout"},
		"no output":     {run(func(e *endpoint.Exec) { e.MaxOutput = 0 }, "cat"), "max_output"},
		"odd output":    {run(func(e *endpoint.Exec) { e.Output = "header" }, "cat"), "output"},
		"unused type":   {run(func(e *endpoint.Exec) { e.ContentType = "text/csv" }, "cat"), "content_type"},
	}
	for name, tt := range tests {
		if got := optionOf(tt.exec.Validate()); got != tt.want {
			t.Errorf("%s: blames %q, want %q", name, got, tt.want)
		}
	}
}

func TestExec_EndsUnlessItsOutputIsWanted(t *testing.T) {
	last, _ := run(nil, "cat").Ends()
	if not, _ := run(toBody, "cat").Ends(); !last || not {
		t.Error("an exec ends exactly where its output is not the new body")
	}
}
