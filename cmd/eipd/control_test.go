package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

const switched = `
queue "in" {}
adapter "stdio" "out" {}

flow "f" {
  from = queue.in
  detour "loud" {
    transform { body = "upper(string(body))" }
  }
  wire_tap "aside" {
    enabled = false
    discard {}
  }
  to = adapter.out
}
`

// controlled is a running eipd that is asked by its socket.
type controlled struct {
	*testing.T
	*process
	dir string
}

func runControlled(t *testing.T, file, instance string, args ...string) *controlled {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "flow.hcl", file)
	c := &controlled{t, start(t, eipd(t, dir, append([]string{"run", "flow.hcl", "--instance", instance}, args...)...)), dir}
	c.ready(t)
	return c
}

// ask gives a command, and expects its exit code.
func (c *controlled) ask(code int, args ...string) (stdout, stderr string) {
	c.Helper()
	return asking(c.T, eipd(c.T, c.dir, args...), code)
}

func asking(t *testing.T, cmd *exec.Cmd, code int) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, got := output(t, cmd)
	if got != code {
		t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(cmd.Args[1:], " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// holds checks that a text holds others, with blanks of any number between words.
func holds(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// answers reads what --json prints.
func answers(t *testing.T, stdout string) (all []control.Reply) {
	t.Helper()
	for _, line := range lines(stdout) {
		var r control.Reply
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q is no reply: %v", line, err)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b control.Reply) int { return strings.Compare(a.Instance, b.Instance) })
	return all
}

func TestControl(t *testing.T) {
	c := runControlled(t, switched, "one")
	stdout, _ := c.ask(0, "status")
	holds(t, stdout, "INSTANCE VERSION UPTIME STATE FLOWS BROKERS", "running f default embedded:")
	stdout, _ = c.ask(0, "control", "status", "--json")
	var s control.Status
	if all := answers(t, stdout); len(all) != 1 || all[0].Read(&s) != nil || s.Instance != "one" || s.PID != c.cmd.Process.Pid {
		t.Errorf("status: %s", stdout)
	}

	c.ask(0, "control", "inject", "queue.in", "body=quiet")
	if got := c.line(t); got != "quiet" {
		t.Errorf("it printed %q", got)
	}
	stdout, _ = c.ask(0, "control", "set", "f.loud", "enabled=true", "for=1h")
	holds(t, stdout, "one f.loud enabled=true was=false until ")
	c.ask(0, "control", "inject", "f", "body=loud")
	if got := c.line(t); got != "LOUD" {
		t.Errorf("with the detour on it printed %q", got)
	}
	stdout, _ = c.ask(0, "control", "list", "f")
	holds(t, stdout, "f.loud detour Detour enabled=true (until ", "; file: false)", "f.aside wire_tap Wire Tap enabled=false", "queue.in in default f")

	stdout, _ = c.ask(0, "control", "stop", "f")
	holds(t, stdout, "one f state=stopped was=running")
	c.ask(0, "control", "inject", "queue.in", "body=later")
	stdout, _ = c.ask(0, "status")
	holds(t, stdout, "f (stopped)")
	c.ask(0, "control", "start", "f")
	if got := c.line(t); got != "LATER" {
		t.Errorf("started again it printed %q", got)
	}

	stdout, _ = c.ask(0, "control", "inject", "queue.in", "body=is it on?", "headers.region=eu", "test=true")
	holds(t, stdout, "sent f adapter.out (kept out)", `"IS IT ON?"`)
	stdout, _ = c.ask(0, "control", "stats")
	holds(t, stdout, "f 3 3 0 0 0 0", "f.loud 3 3 0 0 0 0", "f.loud.transform 2 2 0 0 0 0", "f: tests received 1, sent 1, failed 0, dropped 0, in flight 0")
	stdout, _ = c.ask(0, "control", "leases")
	holds(t, stdout, "INSTANCE ADDRESS ATTRIBUTE VALUE UNTIL") // one that only this process was told is none
	stdout, _ = c.ask(0, "control", "stats", "queue.*")
	holds(t, stdout, "ADDRESS RECEIVED SENT FAILED", "queue.in 2 0 0")
	c.ask(0, "control", "stats", "adapter.out")
	stdout, _ = c.ask(0, "control", "list")
	holds(t, stdout, "queue.f.dead f.dead default f")
	c.ask(0, "control", "inject", "queue.f.dead", "body=lost")
	stdout, _ = c.ask(0, "control", "purge", "queue.f.dead", "confirm=queue.f.dead")
	holds(t, stdout, "one queue.f.dead removed=1")
	stdout, _ = c.ask(0, "control", "stats", "queue.f.dead")
	holds(t, stdout, "queue.f.dead ")
	stdout, _ = c.ask(0, "control", "loglevel", "level=debug", "for=1h")
	holds(t, stdout, "level=debug was=info until ")
	c.interrupt(t)
	if len(c.printed) > 0 {
		t.Errorf("it printed more: %q", c.printed)
	}
}

func TestControl_Errors(t *testing.T) {
	c := runControlled(t, switched, "one")
	quiet := listen(t)
	if err := quiet.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown target":   {[]string{"control", "set", "f.loudd", "enabled=true"}, 1, "eipd: one: unknown_target: no stage f.loudd; did you mean f.loud?"},
		"unknown command":  {[]string{"control", "sett"}, 1, "unknown_command: there is no command sett"},
		"wrong value":      {[]string{"control", "set", "f.loud", "enabled=5"}, 1, "bad_args"},
		"other instance":   {[]string{"status", "--instance", "two", "--wait", "100ms"}, 3, "no process has answered as instance two on the socket .eipd/control.sock within 100ms"},
		"other label":      {[]string{"status", "--label", "gpu", "--wait", "100ms"}, 3, "no process has answered with the label gpu on the socket"},
		"no socket":        {[]string{"status", "--data-dir", "none"}, 3, "open none/control.sock: there is no such socket; is eipd running here?\nName a running process by its --data-dir or --socket"},
		"too few":          {[]string{"control", "list", "--expect", "2"}, 3, "1 of the 2 processes that were expected have answered on the socket .eipd/control.sock in time; --wait gives them more"},
		"no argument":      {[]string{"control", "set", "f.loud", "enabled"}, 2, "enabled is no argument; write it as name=value"},
		"no command":       {[]string{"control"}, 2, "which command? One of apply, "},
		"inside":           {[]string{"status", "--broker", "embedded:"}, 2, "ask that process by its socket"},
		"socket or broker": {[]string{"status", "--broker", "amqp://localhost/", "--socket", "x"}, 2, "broker socket"},
		"no wait":          {[]string{"status", "--wait", "0s"}, 2, `"--wait" flag: it must be longer than 0s`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, stderr := asking(t, eipd(t, c.dir, tt.args...), tt.code); !strings.Contains(stderr, tt.says) {
				t.Errorf("want %q in:\n%s", tt.says, stderr)
			}
		})
	}
	stdout, _ := c.ask(1, "control", "set", "g", "enabled=true", "--json")
	if all := answers(t, stdout); len(all) != 1 || all[0].Error == nil || all[0].Error.Code != control.UnknownTarget {
		t.Errorf("it printed %s", stdout)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // it was killed
	if _, stderr := c.ask(3, "status"); !strings.Contains(stderr, "nobody serves this socket any more") {
		t.Errorf("of a process that was killed it says %s", stderr)
	}
}

// One command reaches every process on a broker, and each answers.
func TestControl_RabbitMQ(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "control")["control"]
	t.Setenv("EIPD_CONTROL_SECRET", "s3cret")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	file := switched + "control_bus { secret = env(\"EIPD_CONTROL_SECRET\") }\n"
	names := []string{"a", "b", "c"}
	all := map[string]*controlled{}
	for _, name := range names {
		all[name] = runControlled(t, file, name, "--broker", url)
	}
	fleet := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		return asking(t, eipd(t, t.TempDir(), append(args, "--broker", url)...), code)
	}
	// patient is how long the slowest machine may take; it is not waited for where
	// all have answered.
	const patient = "--wait=1m"

	stdout, _ := fleet(0, "status", "--expect", "3", patient)
	for _, name := range names {
		holds(t, stdout, name+" ")
	}
	if strings.Contains(stdout, ":guest@") {
		t.Errorf("it shows the password:\n%s", stdout)
	}
	stdout, _ = fleet(0, "control", "set", "f.loud", "enabled=true", "--json", "--expect", "3", patient)
	for i, r := range answers(t, stdout) {
		if want := `{"enabled":true,"was":false}`; r.Instance != names[i] || string(r.Result) != want {
			t.Errorf("%s answered %s, want %s", r.Instance, r.Result, want)
		}
	}
	for _, name := range names { // it is so in each process
		holds(t, first(all[name].ask(0, "control", "list", "f")), "enabled=true (file: false)")
	}
	stdout, _ = fleet(0, "control", "list", "--expect", "3", patient)
	if n := strings.Count(stdout, "f.loud "); n != 1 || !strings.Contains(stdout, ", ") {
		t.Errorf("what is the same in all is listed %d times:\n%s", n, stdout)
	}
	fleet(0, "control", "stop", "f", "--instance", "b", patient)
	holds(t, first(fleet(0, "status", "--instance", "b", patient)), "f (stopped)")
	if stdout, _ := fleet(0, "status", "--instance", "c", patient); strings.Contains(stdout, "stopped") {
		t.Errorf("the others go on, and c says %s", stdout)
	}

	_, stderr := fleet(3, "status", "--expect", "4", "--wait", "2s")
	holds(t, stderr, "of the 4 processes that were expected have answered on topic eip.control of amqp://guest:xxxxx@")
	t.Setenv("EIPD_CONTROL_SECRET", "other")
	_, stderr = fleet(3, "control", "stop", "f", "--wait", "2s")
	holds(t, stderr, "was not signed with this secret, and is not believed; it says: bad_signature: the signature is wrong")
	t.Setenv("EIPD_CONTROL_SECRET", "s3cret")

	fleet(0, "status", "--expect", "3", patient)
	all["c"].interrupt(t)
	_, stderr = fleet(0, "status", "--wait", "3s")
	holds(t, stderr, "eipd: c has ended, ")
	fleet(0, "status", "--expect", "2", patient)
	if err := all["b"].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	all["b"].reading.Wait()
	_ = all["b"].cmd.Wait() // it was killed
	_, stderr = fleet(0, "status", "--wait", "3s")
	holds(t, stderr, "eipd: b has not answered; it did ")
	if strings.Contains(stderr, "c has") {
		t.Errorf("it says twice that c has ended: %s", stderr)
	}
	all["a"].interrupt(t)
	_, stderr = fleet(3, "control", "list", "--wait", "100ms")
	holds(t, stderr, "no process has answered on topic eip.control of amqp://guest:xxxxx@", "within 100ms")
}

func first(stdout, _ string) string { return stdout }

func TestControl_Completion(t *testing.T) {
	c := runControlled(t, switched, "one")
	tests := map[string][]string{
		"":                       control.Commands(),
		"set ":                   {"f.aside", "f.loud"},
		"set f.loud ":            {"enabled=false", "enabled=true", "for="},
		"set f.loud for=5m ":     {"enabled=false", "enabled=true"},
		"set enabled=":           {"for="}, // without a target, which is said when it is given
		"purge save=":            {"confirm=", "count=", "save=true"},
		"stop ":                  {"f"},
		"stats ":                 {"f", "f.aside", "f.aside.discard", "f.loud", "f.loud.transform", "queue.f.dead", "queue.in"},
		"inject ":                {"f", "queue.f.dead", "queue.in"},
		"purge ":                 {"queue.f.dead", "queue.in"},
		"purge queue.in ":        {"confirm=queue.in", "count=", "save=true"},
		"tap ":                   {"f", "f.aside", "f.aside.discard", "f.loud", "f.loud.transform"},
		"apply ":                 nil,
		"apply f.hcl ":           {"dry_run=true", "replace=true", "vars."},
		"tap f if=body.a>le":     {"if=body.a>len\tHow many elements, keys or characters it has."},
		"set f.x big.if=bitxo":   {"big.if=bitxor\tBits that are set in one of them."},
		"inject f if=le":         {"body=", "content_type=", "correlation_id=", "headers.", "key=", "test=true", "timeout="},
		"loglevel ":              {"for=", "level=debug", "level=error", "level=info", "level=warn"},
		"--data-dir none set ":   nil,
		"status --instance ":     {fmt.Sprintf("one\tpid %d", c.cmd.Process.Pid)},
		"set f.loud --instance ": {fmt.Sprintf("one\tpid %d", c.cmd.Process.Pid)},
	}
	for line, want := range tests {
		words := strings.Split(line, " ")
		stdout, _ := c.ask(0, append([]string{"__complete", "control"}, words...)...)
		got := lines(stdout)
		if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], ":") {
			t.Fatalf("%q: it printed %q", line, stdout)
		}
		if got = got[:len(got)-1]; !slices.Equal(got, want) {
			t.Errorf("%q is completed by %q, want %q", line, got, want)
		}
	}
	c.interrupt(t)
}

func TestControl_CompletesWhatRemembers(t *testing.T) {
	c := runControlled(t, `
queue "in" {}
flow "f" {
  from = queue.in
  idempotent_receiver "once" {}
  transform { body = "1" }
  discard {}
}
`, "one")
	for line, want := range map[string][]string{
		"groups ":         {"f.once"},
		"groups f.once ":  {"key=", "limit="},
		"release f.once ": {"all=true", "key="},
		"forget f.once ":  {"confirm=f.once", "key=", "save=true"},
		"move f.once ":    {"confirm=f.once", "key=", "to="},
	} {
		stdout, _ := c.ask(0, append([]string{"__complete", "control"}, strings.Split(line, " ")...)...)
		got := lines(stdout)
		if got = got[:len(got)-1]; !slices.Equal(got, want) {
			t.Errorf("%q is completed by %q, want %q", line, got, want)
		}
	}
	c.interrupt(t)
}

func TestComplete_Expressions(t *testing.T) {
	for begun, want := range map[string][]string{
		"le":              {"len"},
		"body.a > 1 && l": {"last", "len", "lower", "lastIndexOf"},
		"any(body.l, he":  {"headers"},
		"mess":            {"message"},
		"body.le":         nil,
		"any(body.l, #le": nil,
		"'le":             nil,
		"body.a == 'le":   nil,
		"'a' + le":        {"'a' + len"},
		"\"le":            nil,
		"nothing":         nil,
		"zürich_le":       nil,
	} {
		var got []string
		for _, c := range expressions("", begun) {
			name, _, _ := strings.Cut(c, "\t")
			got = append(got, name)
		}
		if begun != "'a' + le" {
			at := strings.LastIndexAny(begun, " ") + 1
			for i := range want {
				want[i] = begun[:at] + want[i]
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is completed by %q, want %q", begun, got, want)
		}
	}
	for _, args := range [][]string{{"run", "--data-dir"}, {"run", "--flows-dir"}, {"tap", "--data-dir"}, {"send", "--data-dir"}} {
		out, _, _ := output(t, eipd(t, t.TempDir(), append(append([]string{"__complete"}, args...), "")...))
		if out != ":16\n" { // folders
			t.Errorf("%v is completed by %q", args, out)
		}
	}
}

func TestControlArgs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "body.json")
	write(t, filepath.Dir(file), "body.json", "[1.10]")
	tests := map[string]struct {
		words  []string // after inject, or after apply where they begin with it
		target string
		args   string // as JSON
		err    string
	}{
		"nothing":     {nil, "", "null", ""},
		"target":      {[]string{"f.*"}, "f.*", "null", ""},
		"types":       {[]string{"f", "a=true", "b=5", "c=15m", "d=[1,2]", `e="5"`, "g=", "h=a=b", "i=12345678901234567890", "j=1 2"}, "f", `{"a":true,"b":5,"c":"15m","d":[1,2],"e":"5","g":"","h":"a=b","i":12345678901234567890,"j":"1 2"}`, ""},
		"no target":   {[]string{"level=debug"}, "", `{"level":"debug"}`, ""},
		"JSON body":   {[]string{"q", `body={"total": 1.10}`}, "q", `{"body":"{\"total\": 1.10}","content_type":"application/json"}`, ""},
		"text body":   {[]string{"q", "body=5"}, "q", `{"body":"5"}`, ""},
		"typed body":  {[]string{"q", "content_type=text/plain", "body=[]"}, "q", `{"body":"[]","content_type":"text/plain"}`, ""},
		"body's file": {[]string{"q", "body=@" + file}, "q", `{"body":"[1.10]","content_type":"application/json"}`, ""},
		"headers":     {[]string{"q", "headers.region=eu", "headers.n=5"}, "q", `{"headers":{"n":5,"region":"eu"}}`, ""},
		"all headers": {[]string{"q", `headers={"a":1}`, "headers.b=2"}, "q", `{"headers":{"a":1,"b":2}}`, ""},
		"vars":        {[]string{"apply", "f.hcl", "replace=true", "vars.size=3", "vars.names=[\"a\"]"}, "f.hcl", `{"replace":true,"vars":{"names":"[\"a\"]","size":"3"}}`, ""},
		"all vars":    {[]string{"apply", "f.hcl", `vars={"size":3}`}, "f.hcl", `{"vars":{"size":3}}`, ""},
		"others'":     {[]string{"apply", "f.hcl", "headers.a=3"}, "f.hcl", `{"headers.a":3}`, ""},
		"no header":   {[]string{"q", "headers=1", "headers.b=2"}, "", "null", "headers.b cannot be added to headers"},
		"twice":       {[]string{"q", "a=1", "a=2"}, "", "null", "a is given twice"},
		"no value":    {[]string{"q", "a"}, "", "null", "a is no argument; write it as name=value"},
		"no name":     {[]string{"q", "=a"}, "", "null", "=a is no argument"},
		"bytes":       {[]string{"q", "body=\xff"}, "", "null", "text in UTF-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			command, words := "inject", tt.words
			if len(words) > 0 && words[0] == "apply" {
				command, words = words[0], words[1:]
			}
			target, args, err := controlArgs(command, words)
			got, _ := json.Marshal(args)
			if target != tt.target || string(got) != tt.args {
				t.Errorf("read %q %s, want %q %s", target, got, tt.target, tt.args)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestGrid(t *testing.T) {
	g := &grid{rows: [][]cell{head("NAME", "N")}, colours: true}
	g.add(cell{text: "größe"}, number("5"))
	g.add(cell{text: "evil\x1b[2J", style: red}, number("12345"))
	if got, want := strings.Join(g.lines(0), "\n"), "\x1b[1mNAME\x1b[0m             \x1b[1mN\x1b[0m\n"+
		"größe            5\n\x1b[31mevil\\x1b[2J\x1b[0m  12345"; got != want {
		t.Errorf("it is\n%q, want\n%q", got, want)
	}
	g.colours, g.marked = false, 2
	if got, want := strings.Join(g.lines(6), "\n"), "NAME\ngröße\n\x1b[7mevil\\x\x1b[0m"; got != want {
		t.Errorf("cut, it is\n%q, want\n%q", got, want)
	}
}
