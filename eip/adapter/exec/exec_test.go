package exec_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/exec"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// run makes an Exec adapter of a shell script.
func run(script string, arguments ...string) *exec.Adapter {
	a := exec.New()
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
	log := adaptertest.LogTo(env)
	s := adaptertest.OpenSource(t, a, env)
	defer adaptertest.Close(t, s)
	for _, m := range adaptertest.Expect(t, s, "run 1", "end", "run 2", "end", "run 3", "end") {
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
	s := adaptertest.OpenSource(t, run(`trap 'echo bye > "$1"; exit' TERM; echo up; while :; do sleep 0.01; done`, ended), eiptest.AdapterEnv())
	adaptertest.Expect(t, s, "up")
	adaptertest.Close(t, s)
	if got := adaptertest.Read(t, ended); got != "bye\n" {
		t.Errorf("the program left %q", got)
	}
}

// A source may be closed while it waits to start its program again.
func TestExec_CloseWhileItWaits(t *testing.T) {
	s := adaptertest.OpenSource(t, run("exit 1"), eiptest.AdapterEnv())
	done := make(chan error)
	go func() {
		_, err := s.Receive(t.Context())
		done <- err
	}()
	adaptertest.Close(t, s)
	if err := <-done; err == nil {
		t.Error("received something")
	}
}

func TestExec_SourceCannotStart(t *testing.T) {
	a := exec.New()
	a.Command = []string{"no-such-program"}
	if _, err := a.OpenSource(t.Context(), eiptest.AdapterEnv()); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("opened: %v", err)
	}
}

// A program that goes away is looked for again.
func TestExec_ProgramGone(t *testing.T) {
	path := adaptertest.Put(t, "program", "#!/bin/sh\necho hello\nmv \"$0\" \"$0.gone\"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	a, env := exec.New(), eiptest.AdapterEnv()
	a.Command = []string{path}
	log := adaptertest.LogTo(env)
	s := adaptertest.OpenSource(t, a, env)
	defer adaptertest.Close(t, s)
	adaptertest.Expect(t, s, "hello")
	go func() {
		log.Await("program cannot be started")
		if err := os.Rename(path+".gone", path); err != nil {
			t.Error(err)
		}
	}()
	adaptertest.Expect(t, s, "hello")
}

func TestExec_TooLong(t *testing.T) {
	a := run(`echo 123456; echo ok; exec sleep 600`)
	a.MaxBody = 5
	s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	if m, err := s.Receive(t.Context()); string(m.Body()) != "12345" || !eip.IsInvalid(err) {
		t.Errorf("received %q, %v", m.Body(), err)
	}
	adaptertest.Expect(t, s, "ok")
}

func TestExec_SinkFails(t *testing.T) {
	tests := map[string]struct {
		exec *exec.Adapter
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
		s := adaptertest.OpenSink(t, tt.exec, eiptest.AdapterEnv())
		err := adaptertest.Send(t, s, eiptest.Message("body"))
		adaptertest.Close(t, s)
		if err == nil || err.Error() != tt.want || eip.IsPermanent(err) {
			t.Errorf("%s: settled with %v, want %q", name, err, tt.want)
		}
	}
}

func TestExec_SinkReplies(t *testing.T) {
	a := run("tr a-z A-Z")
	a.MaxBody = 5
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	var r adaptertest.Replier
	if err := adaptertest.Send(t, s, eiptest.Message("body").WithReplier(&r)); err != nil {
		t.Fatal(err)
	}
	if string(r.Last.Body()) != "BODY" {
		t.Errorf("reply %q", r.Last.Body())
	}
	if err := adaptertest.Send(t, s, eiptest.Message("a long body").WithReplier(&r)); err == nil {
		t.Error("a reply that is too large settled well")
	}
	if err := adaptertest.Send(t, s, eiptest.Message("a long body")); err != nil {
		t.Errorf("output that nobody wants: %v", err)
	}
}

func TestExec_Validate(t *testing.T) {
	tests := map[string]struct {
		edit func(*exec.Adapter)
		want string
	}{
		"good":       {func(*exec.Adapter) {}, ""},
		"no command": {func(a *exec.Adapter) { a.Command = nil }, "command"},
		"no program": {func(a *exec.Adapter) { a.Command = []string{"", "x"} }, "command"},
		"no time":    {func(a *exec.Adapter) { a.Timeout = 0 }, "timeout"},
		"no body":    {func(a *exec.Adapter) { a.MaxBody = 0 }, "max_body"},
	}
	for name, tt := range tests {
		a := run("true")
		tt.edit(a)
		if got := adaptertest.Blames(a.Validate()); got != tt.want {
			t.Errorf("%s: blames %q, want %q", name, got, tt.want)
		}
	}
}
