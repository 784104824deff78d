package adapter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
)

// run makes an Exec adapter of a shell script.
func run(script string, arguments ...string) *adapter.Exec {
	a := adapter.NewExec()
	a.Command = append([]string{"/bin/sh", "-c", script, "sh"}, arguments...)
	return a
}

// A program that ends is started again, however it ended, and what it printed
// before is delivered, a last line without its end too.
func TestExec_StartedAgain(t *testing.T) {
	counter := filepath.Join(t.TempDir(), "n")
	a := run(`echo x >> "$1"; n=$(wc -l < "$1"); echo run $n; echo warn $n >&2; printf end; test $n -ne 2`, counter)
	a.ContentType = "text/plain"
	env := eiptest.AdapterEnv()
	log := logTo(env)
	s := openSource(t, a, env)
	defer closeIt(t, s)
	for _, m := range expect(t, s, "run 1", "end", "run 2", "end", "run 3", "end") {
		if m.ContentType != "text/plain" {
			t.Errorf("content type %q", m.ContentType)
		}
	}
	for _, want := range []string{"program ended and will be started again", "exit status 1: warn 2", `line="warn 1"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
}

func TestExec_CloseEndsTheProgram(t *testing.T) {
	ended := filepath.Join(t.TempDir(), "ended")
	s := openSource(t, run(`trap 'echo bye > "$1"; exit' TERM; echo up; while :; do sleep 0.01; done`, ended), eiptest.AdapterEnv())
	expect(t, s, "up")
	closeIt(t, s)
	if got := read(t, ended); got != "bye\n" {
		t.Errorf("the program left %q", got)
	}
}

// A source may be closed while it waits to start its program again.
func TestExec_CloseWhileItWaits(t *testing.T) {
	s := openSource(t, run("exit 1"), eiptest.AdapterEnv())
	done := make(chan error)
	go func() {
		_, err := s.Receive(t.Context())
		done <- err
	}()
	closeIt(t, s)
	if err := <-done; err == nil {
		t.Error("received something")
	}
}

func TestExec_SourceCannotStart(t *testing.T) {
	a := adapter.NewExec()
	a.Command = []string{"no-such-program"}
	if _, err := a.OpenSource(t.Context(), eiptest.AdapterEnv()); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("opened: %v", err)
	}
}

// A program that goes away is looked for again.
func TestExec_ProgramGone(t *testing.T) {
	path := put(t, "program", "#!/bin/sh\necho hello\nmv \"$0\" \"$0.gone\"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	a, env := adapter.NewExec(), eiptest.AdapterEnv()
	a.Command = []string{path}
	log := logTo(env)
	s := openSource(t, a, env)
	defer closeIt(t, s)
	expect(t, s, "hello")
	go func() {
		log.await("program cannot be started")
		if err := os.Rename(path+".gone", path); err != nil {
			t.Error(err)
		}
	}()
	expect(t, s, "hello")
}

func TestExec_TooLong(t *testing.T) {
	a := run(`echo 123456; echo ok; exec sleep 600`)
	a.MaxBody = 5
	s := openSource(t, a, eiptest.AdapterEnv())
	defer closeIt(t, s)
	if m, err := s.Receive(t.Context()); string(m.Body()) != "12345" || !eip.IsInvalid(err) {
		t.Errorf("received %q, %v", m.Body(), err)
	}
	expect(t, s, "ok")
}

func TestExec_SinkFails(t *testing.T) {
	tests := map[string]struct {
		exec *adapter.Exec
		want string
	}{
		"exit status": {run("cat >&2; exit 3"), "run sh: exit status 3: body"},
		"too slow":    {run("sleep 600"), "run sh: it took longer than 50ms"},
	}
	for name, tt := range tests {
		tt.exec.Timeout = 50 * time.Millisecond
		if name == "exit status" {
			tt.exec.Timeout = time.Minute
		}
		s := openSink(t, tt.exec, eiptest.AdapterEnv())
		err := send(t, s, eiptest.Message("body"))
		closeIt(t, s)
		if err == nil || err.Error() != tt.want || eip.IsPermanent(err) {
			t.Errorf("%s: settled with %v, want %q", name, err, tt.want)
		}
	}
}

func TestExec_SinkReplies(t *testing.T) {
	a := run("tr a-z A-Z")
	a.MaxBody = 5
	s := openSink(t, a, eiptest.AdapterEnv())
	defer closeIt(t, s)
	var r replier
	if err := send(t, s, eiptest.Message("body").WithReplier(&r)); err != nil {
		t.Fatal(err)
	}
	if string(r.reply.Body()) != "BODY" {
		t.Errorf("reply %q", r.reply.Body())
	}
	if err := send(t, s, eiptest.Message("a long body").WithReplier(&r)); err == nil {
		t.Error("a reply that is too large settled well")
	}
	if err := send(t, s, eiptest.Message("a long body")); err != nil {
		t.Errorf("output that nobody wants: %v", err)
	}
}

func TestExec_Validate(t *testing.T) {
	tests := map[string]struct {
		edit func(*adapter.Exec)
		want string
	}{
		"good":       {func(*adapter.Exec) {}, ""},
		"no command": {func(a *adapter.Exec) { a.Command = nil }, "command"},
		"no program": {func(a *adapter.Exec) { a.Command = []string{"", "x"} }, "command"},
		"no time":    {func(a *adapter.Exec) { a.Timeout = 0 }, "timeout"},
		"no body":    {func(a *adapter.Exec) { a.MaxBody = 0 }, "max_body"},
	}
	for name, tt := range tests {
		a := run("true")
		tt.edit(a)
		if got := blames(a.Validate()); got != tt.want {
			t.Errorf("%s: blames %q, want %q", name, got, tt.want)
		}
	}
}
