package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

// hasty is a clock on which a pause before a restart is over at once; time-outs are not
// theirs to end.
type hasty struct {
	mu     sync.Mutex
	pauses []time.Duration
}

func (*hasty) Now() time.Time { return time.Now() }

func (h *hasty) AfterFunc(d time.Duration, f func()) eip.Timer {
	if d <= 30*time.Second {
		h.mu.Lock()
		h.pauses = append(h.pauses, d)
		h.mu.Unlock()
		d = 0
	}
	return time.AfterFunc(d, f)
}

// Whatever a worker does to one message, that one alone fails, and the next worker
// answers the next.
func TestProcessor_HostileWorkers(t *testing.T) {
	const good = `printf '{"id":%s,"ok":true}\n' "$id"`
	tests := map[string]struct {
		script  string // for a message with "evil" in it
		want    string // of its error; "": it has none
		restart bool
		count   string // the one that goes up
	}{
		"crashes before it answers":      {`echo oh no >&2; exit 3`, "the worker ended before it had answered: run sh: exit status 3: oh no", true, "crashes"},
		"is killed":                      {`kill -9 $$`, "the worker ended before it had answered: run sh: signal: killed", true, "crashes"},
		"ends well without an answer":    {`exit 0`, "the worker ended before it had answered", true, "crashes"},
		"crashes in the middle of it":    {`printf '{"id":%s,"o' "$id"; exit 1`, "the worker ended before it had answered: run sh: exit status 1", true, "crashes"},
		"crashes after it has answered":  {good + `; exit 3`, "", true, ""},
		"ends after it has answered":     {good + `; exit 0`, "", true, ""},
		"closes its output, and lives":   {`exec >&-; exec sleep 600`, "the worker ended before it had answered: run sh: signal: terminated", true, "crashes"},
		"leaves something with its pipe": {`sleep 600 & kill -9 $$`, "the worker ended before it had answered: run sh: signal: killed", true, "crashes"},
		"garbage":                        {`echo 'Segmentation fault'`, "the worker printed what is no answer, and is ended: ", true, "garbage"},
		"an empty line":                  {`echo`, "the worker printed what is no answer, and is ended: ", true, "garbage"},
		"no text":                        {`printf '\377\n'`, "the worker printed what is no answer, and is ended: it is no UTF-8", true, "garbage"},
		"the wrong id":                   {`printf '{"id":%s9,"ok":true}\n' "$id"`, "the worker printed what is no answer, and is ended: its id is", true, "garbage"},
		"two answers":                    {good + `; ` + good, "", true, "garbage"},
		"two lines in one":               {`printf '{"id":%s,"ok":true}{"id":%s,"ok":true}\n' "$id" "$id"`, "the worker printed what is no answer, and is ended: something follows", true, "garbage"},
		"a line without an end":          {`exec yes | tr -d '\n'`, "the worker printed what is no answer, and is ended: its line is longer than max_output of 64KiB", true, "garbage"},
		"lines without an end":           {`exec yes`, "the worker printed what is no answer, and is ended: ", true, "garbage"},
		"says a lot":                     {`head -c 1000000 /dev/zero | tr '\0' '\n' >&2; head -c 1000000 /dev/zero >&2; ` + good, "", false, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := processor(t, func(p *endpoint.Processor, e *eip.Env) {
				p.MaxOutput = 64 << 10
				e.Clock = eip.Clock{Timekeeper: &hasty{}}
			}, worker(`case $line in *evil*) `+tt.script+`;; *) `+good+`;; esac`)...)
			process(t, p, "good", "")
			process(t, p, "evil", tt.want)
			if tt.restart {
				until(t, p, "restarts", 1)
			}
			process(t, p, "good", "")
			got := p.Stats().Counts
			for _, count := range []string{"crashes", "garbage", "timed_out"} {
				if want := int64(len(map[bool]string{true: "1"}[count == tt.count])); got[count] != want {
					t.Errorf("%s is %d, want %d", count, got[count], want)
				}
			}
			if tt.restart != (got["restarts"] > 0) || got["running"] != 1 {
				t.Errorf("counts %v", got)
			}
		})
	}
}

// process gives p a message, which fails with want or not at all.
func process(t *testing.T, p *endpoint.Processor, body, want string) {
	t.Helper()
	passed, err := eiptest.Process(t.Context(), p, eiptest.Message(body))
	if want == "" && (err != nil || len(passed) != 1) {
		t.Fatalf("%s: passed on %d, %v", body, len(passed), err)
	}
	if want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || eip.IsPermanent(err) || passed != nil) {
		t.Fatalf("%s: passed on %d, %v, want %q", body, len(passed), err, want)
	}
}

// until waits for a count, which must not go further.
func until(t *testing.T, p *endpoint.Processor, count string, want int64) {
	t.Helper()
	for p.Stats().Counts[count] < want && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

func TestProcessor_SilentWorkers(t *testing.T) {
	for name, script := range map[string]string{
		"does not answer":      `while :; do sleep 1; done`,
		"heeds no signal":      `trap '' TERM; while :; do sleep 1; done`,
		"answers a bit":        `printf '{"id":'; exec sleep 600`,
		"answers without end":  `printf '{"id":%s,"ok":true}' "$id"; exec sleep 600`,
		"does not read either": ``,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, body := worker(script), "evil"
			if script == "" {
				command, body = []string{"sleep", "600"}, strings.Repeat("evil", 1<<20) // more than a pipe holds
			}
			p := processor(t, func(p *endpoint.Processor, _ *eip.Env) { p.Timeout = 50 * time.Millisecond }, command...)
			process(t, p, body, "the worker took longer than 50ms, and is ended")
			if got := p.Stats().Counts; got["timed_out"] != 1 || got["crashes"]+got["garbage"] != 0 {
				t.Errorf("counts %v", got)
			}
		})
	}
}

// A worker that prints before it is asked is no worker.
func TestProcessor_PrintsUnasked(t *testing.T) {
	p := processor(t, func(_ *endpoint.Processor, e *eip.Env) { e.Clock = eip.Clock{Timekeeper: &hasty{}} }, sh(`echo ready; exec cat`)...)
	until(t, p, "garbage", 3)
}

// One that always crashes is started less and less often.
func TestProcessor_RestartsAreSlowed(t *testing.T) {
	h := &hasty{}
	p := processor(t, func(_ *endpoint.Processor, e *eip.Env) { e.Clock = eip.Clock{Timekeeper: h} }, "false")
	until(t, p, "restarts", 12)
	h.mu.Lock()
	defer h.mu.Unlock()
	pauses := slices.DeleteFunc(h.pauses, func(d time.Duration) bool { return d == time.Second }) // after which one counts as settled
	for i, most := 0, 100*time.Millisecond; i < 12; i, most = i+1, min(2*most, 30*time.Second) {
		if d := pauses[i]; d > most || d < most/2 {
			t.Errorf("pause %d is %v, want %v at most, and half of it at least", i+1, d, most)
		}
	}
}

// A program that is not there fails messages, says so, and is looked for again.
func TestProcessor_NoSuchProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	lines := &syncWriter{}
	p := processor(t, func(_ *endpoint.Processor, e *eip.Env) {
		e.Clock = eip.Clock{Timekeeper: &hasty{}}
		e.Log = slog.New(slog.NewTextHandler(lines, nil))
	}, program)
	if _, err := eiptest.Process(t.Context(), p, eiptest.Message("x")); err == nil || !strings.Contains(err.Error(), "run program: fork/exec "+program+": no such file") || eip.IsPermanent(err) {
		t.Errorf("failed with %v", err)
	}
	if err := p.Trouble(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("trouble %v", err)
	}
	if got := lines.String(); !strings.Contains(got, "the program cannot be started, so messages will fail") || !strings.Contains(got, "stage=test.stage") {
		t.Errorf("logged %s", got)
	}
	if err := os.WriteFile(program+".new", []byte("#!/bin/sh\n"+says(`"ok":true`)[2]+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
	for p.Trouble() != nil && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

// A program that starts, but ends without ever having answered, fails messages and says
// so like one that is not there: they do not hold up those behind them.
func TestProcessor_EndsWithoutAnAnswer(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	write := func(script string) {
		err := errors.Join(os.WriteFile(program+".new", []byte("#!/bin/sh\n"+script+"\n"), 0o700), os.Rename(program+".new", program))
		if err != nil {
			t.Fatal(err)
		}
	}
	write("exit 3")
	p := processor(t, nil, program)
	for p.Trouble() == nil && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := p.Trouble(); err == nil || !strings.Contains(err.Error(), "the worker ended: ") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("trouble %v", err)
	}
	for range 3 {
		if _, err := eiptest.Process(t.Context(), p, eiptest.Message("x")); err == nil || eip.IsPermanent(err) || !strings.Contains(err.Error(), "exit status 3") && !strings.Contains(err.Error(), "broken pipe") {
			t.Errorf("failed with %v", err)
		}
	}
	write(worker(`printf '{"id":%s,"ok":true}\n' "$id"`)[2])
	for passed := []*eip.Message(nil); passed == nil && t.Context().Err() == nil; {
		passed, _ = eiptest.Process(t.Context(), p, eiptest.Message("x"))
	}
	if err := p.Trouble(); err != nil {
		t.Errorf("trouble %v", err)
	}
}

type syncWriter struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *syncWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestProcessor_StandardErrorIsLogged(t *testing.T) {
	lines := &syncWriter{}
	p := processor(t, func(_ *endpoint.Processor, e *eip.Env) { e.Log = slog.New(slog.NewTextHandler(lines, nil)) },
		worker(`i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo "word $i"; done >&2; printf '{"id":%s,"ok":true}\n' "$id"`)...)
	process(t, p, "x", "")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := lines.String()
	if !strings.Contains(got, `msg="worker says" stage=test.stage program=/bin/sh line="word 1"`) {
		t.Errorf("logged %.300s", got)
	}
	if n := strings.Count(got, "worker says"); n > 4000 {
		t.Errorf("logged %d lines", n)
	}
}

// At the end a worker is told by the end of its input, and may finish something.
func TestProcessor_CloseEndsWorkers(t *testing.T) {
	bye := filepath.Join(t.TempDir(), "bye")
	command := worker(`printf '{"id":%s,"ok":true}\n' "$id"`, bye)
	command[2] += `; echo bye >"$1"`
	p := processor(t, nil, command...)
	process(t, p, "x", "")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(bye); string(got) != "bye\n" {
		t.Errorf("it left %q, %v", got, err)
	}
	if _, err := eiptest.Process(t.Context(), p, eiptest.Message("x")); err == nil {
		t.Error("it works after its end")
	}
	if got := p.Stats().Counts["running"]; got != 0 {
		t.Errorf("%d run", got)
	}
}

// One that does not end is killed, with what it has started.
func TestProcessor_CloseKills(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	p := processor(t, nil, sh(`trap '' TERM; (trap '' TERM; sleep 600) & echo $! $$ >`+pids+`; read -r line; id=${line#*\"id\":}; id=${id%%,*}; printf '{"id":%s,"ok":true}\n' "$id"; sleep 600`)...)
	process(t, p, "x", "")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(text)) {
		pid, _ := strconv.Atoi(field)
		for alive(pid) && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// alive is false of a process that has ended, and that nobody has waited for yet.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return (err == nil || syscall.Kill(pid, 0) == nil) && !strings.Contains(string(stat), ") Z ")
}

// When the flow has no more time, neither has a worker.
func TestProcessor_Cancelled(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	if err := syscall.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	p := processor(t, nil, worker(`: >"$1"; exec sleep 600`, started)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer cancel()
		f, err := os.Open(started)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		io.Copy(io.Discard, f)
	}()
	if _, err := eiptest.Process(ctx, p, eiptest.Message("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("failed with %v", err)
	}
	if got := p.Stats().Counts; got["timed_out"]+got["crashes"]+got["garbage"] != 0 {
		t.Errorf("counts %v", got)
	}
}
