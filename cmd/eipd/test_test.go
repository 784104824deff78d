package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The quick start's own tests pass, and see all that can become of a message in it, but for
// failures.
func TestTest_QuickStart(t *testing.T) {
	stdout, stderr, code := output(t, eipd(t, root, "test", "flows", "--cover", "--cover-min", "100"))
	if code != 0 || !strings.Contains(stdout, " passed, 0 failed\n") {
		t.Errorf("it ends with %d:\n%s%s", code, stdout, stderr)
	}
}

func TestTest_ExitCodes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
queue "in" {}
queue "out" {}
flow "f" {
  from = queue.in
  to   = queue.out
}
`)
	sends := `send "queue.in" { body = "x" }`
	expects := `expect "queue.out" { count = 1 }`
	write(t, dir, "good/good_test.hcl", "suite { flows = [\"../flow.hcl\"] }\ntest \"good\" {\n"+sends+"\n"+expects+"\n}\ntest \"tagged\" {\ntags = [\"slow\"]\n"+sends+"\n"+expects+"\n}\n")
	write(t, dir, "bad/bad_test.hcl", "suite { flows = [\"../flow.hcl\"] }\ntest \"bad\" {\n"+sends+"\n}\n")
	write(t, dir, "skips/skips_test.hcl", "suite { flows = [\"../flow.hcl\"] }\ntest \"skips\" { skip = \"later\" }\n")
	write(t, dir, "only/only_test.hcl", "suite { flows = [\"../flow.hcl\"] }\ntest \"only\" {\nonly = true\n"+sends+"\n"+expects+"\n}\ntest \"other\" {}\n")
	write(t, dir, "typo/typo_test.hcl", "suite { flows = [\"../flow.hcl\"] }\ntest \"typo\" {\nexpect \"queue.outt\" {}\n}\n")
	write(t, dir, "slow/slow_test.hcl", "suite {\nflows = [\"../flow.hcl\"]\n}\ntest \"slow\" {\n"+sends+"\n"+expects+"\n}\n")
	write(t, dir, "json/json_test.hcl.json", `{"suite": {"flows": ["../flow.hcl"]}, "test": {"in JSON": [{"send": {"queue.in": {"body": "x"}}}, {"expect": {"queue.out": {"message": {"text": "x"}}}}]}}`)
	write(t, dir, "none/flow.hcl", "")
	write(t, dir, "colours/colours_test.hcl", "test \"a \\u001b[31mred\\u0007 test\" {\n"+sends+"\n}\nsuite { flows = [\"../flow.hcl\"] }\n")
	for name, test := range map[string]struct {
		args   []string
		env    string
		code   int
		stdout string
		stderr string
	}{
		"all pass":            {args: []string{"good"}, stdout: "2 passed, 0 failed\n"},
		"one fails":           {args: []string{"bad"}, code: exitFailed, stdout: "0 passed, 1 failed\n"},
		"several folders":     {args: []string{"good", "bad", "good/good_test.hcl"}, code: exitFailed, stdout: "2 passed, 1 failed\n"},
		"by name":             {args: []string{"--run", "^good$", "good"}, stdout: "1 passed, 0 failed\n"},
		"by tag":              {args: []string{"--tags", "slow,other", "good"}, stdout: "1 passed, 0 failed\n"},
		"often":               {args: []string{"--count", "3", "--parallel", "2", "--shuffle=7", "good"}, stdout: "6 passed, 0 failed\n"},
		"by chance":           {args: []string{"--shuffle", "good"}, stdout: "2 passed, 0 failed\n", stderr: "eipd: --shuffle="},
		"fail fast":           {args: []string{"--fail-fast", "--parallel", "1", "bad", "good"}, code: exitFailed, stdout: "0 passed, 1 failed\n"},
		"a list":              {args: []string{"--list", "good"}, stdout: "good/good_test.hcl:2  good\ngood/good_test.hcl:6  tagged\n"},
		"in JSON":             {args: []string{"json"}, stdout: "1 passed, 0 failed\n"},
		"covered":             {args: []string{"--cover-min", "100", "good"}, stdout: "2 passed"},
		"no test of the name": {args: []string{"--run", "nothing", "good"}, code: exitUsage, stderr: "no test ran"},
		"all are skipped":     {args: []string{"skips"}, code: exitUsage, stdout: "1 skipped", stderr: "no test ran"},
		"no files":            {args: []string{"none"}, code: exitUsage, stderr: "there are no files of tests"},
		"no such file":        {args: []string{"nowhere"}, code: exitUsage, stderr: "nowhere: there is no such file"},
		"a flow file":         {args: []string{"flow.hcl"}, code: exitUsage, stderr: "does not end in _test.hcl"},
		"a typo":              {args: []string{"typo"}, code: exitUsage, stderr: "typo/typo_test.hcl:3:8: error: Unknown target"},
		"a wrong expression":  {args: []string{"--run", "(", "good"}, code: exitUsage, stderr: "--run: "},
		"a wrong seed":        {args: []string{"--shuffle=x", "good"}, code: exitUsage, stderr: "--shuffle: "},
		"no runs":             {args: []string{"--count", "0", "good"}, code: exitUsage, stderr: "--count must be 1 to 10000"},
		"too many runs":       {args: []string{"--count", "1000000000", "good"}, code: exitUsage, stderr: "--count must be 1 to 10000"},
		"none at once":        {args: []string{"--parallel", "-1", "good"}, code: exitUsage, stderr: "--parallel must be at least 0"},
		"no time":             {args: []string{"--timeout", "-1s", "good"}, code: exitUsage, stderr: "--timeout must be at least 0s"},
		"more than all":       {args: []string{"--cover-min", "101", "good"}, code: exitUsage, stderr: "--cover-min must be 0 to 100"},
		"no number of them":   {args: []string{"--cover-min", "NaN", "good"}, code: exitUsage, stderr: "--cover-min must be 0 to 100"},
		"a name in colours":   {args: []string{"colours"}, code: exitFailed, stdout: `:1  a \x1b[31mred\x07 test  `},
		"a list in colours":   {args: []string{"--list", "colours"}, stdout: `:1  a \x1b[31mred\x07 test`},
		"only":                {args: []string{"only"}, stdout: "1 passed, 0 failed\n"},
		"only, in CI":         {args: []string{"only"}, env: "CI=true", code: exitUsage, stderr: "only = true"},
		"JSON and JUnit":      {args: []string{"--json", "--junit", "report.xml", "--cover-out", "cover.json", "good"}, stdout: `{"event":"pass","file":"good/good_test.hcl","line":2,"test":"good",`},
	} {
		t.Run(name, func(t *testing.T) {
			c := eipd(t, dir, append([]string{"test"}, test.args...)...)
			c.Env = append(c.Env, "CI=", test.env)
			stdout, stderr, code := output(t, c)
			if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
				t.Errorf("it ends with %d, want %d, and prints\n%s%s", code, test.code, stdout, stderr)
			}
		})
	}
	if report, err := os.ReadFile(filepath.Join(dir, "report.xml")); err != nil || !strings.Contains(string(report), `<testcase name="tagged" classname="good.good_test"`) {
		t.Errorf("the report is %q, %v", report, err)
	}
	var cover struct{ Outcomes, Covered int }
	if text, err := os.ReadFile(filepath.Join(dir, "cover.json")); err != nil || json.Unmarshal(text, &cover) != nil || cover.Outcomes != 1 || cover.Covered != 1 {
		t.Errorf("the coverage is %q, %v", text, err)
	}
}

// Ctrl-C waits for the tests that have begun, and a second one does not.
func TestTest_Interrupted(t *testing.T) {
	for name, test := range map[string]struct {
		second bool
		code   int
		stdout string
	}{
		"once":  {false, exitFailed, "1 passed, 0 failed\n"},
		"twice": {true, -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "flow.hcl", "queue \"in\" {}\nqueue \"out\" {}\nflow \"f\" {\n  from = queue.in\n  to   = queue.out\n}\n")
			large := strings.Repeat("x", 1<<20) // more than a pipe holds
			write(t, dir, "large", large)
			write(t, dir, "f_test.hcl", "test \"hangs\" {\n  send \"queue.in\" { body_file = \"large\" }\n  expect \"queue.out\" {\n    message { golden = \"pipe\" }\n  }\n}\n")
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			c := eipd(t, dir, "test", "--update", "--count", "2", "--parallel", "1")
			var stdout strings.Builder
			c.Stdout = &stdout
			stderr, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			golden, err := os.Open(pipe) // and with that the first test has begun
			if err != nil {
				t.Fatal(err)
			}
			defer golden.Close()
			interrupt := func() {
				if err := c.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
			}
			interrupt()
			const says = "eipd: interrupted"
			said := make([]byte, len(says))
			if _, err := io.ReadFull(stderr, said); string(said) != says {
				t.Fatalf("it says %q, %v", said, err)
			}
			if test.second {
				interrupt()
			} else if _, err := io.Copy(io.Discard, golden); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, stderr); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait()
			if code := c.ProcessState.ExitCode(); code != test.code || !strings.Contains(stdout.String(), test.stdout) {
				t.Errorf("it ends with %d, want %d, and prints %s", code, test.code, &stdout)
			}
		})
	}
}

// Files of tests are left out where flow files are meant, and are an error by themselves.
func TestTest_FilesAreNoFlows(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.hcl", "queue \"in\" {}\nflow \"f\" {\n  from = queue.in\n  discard {}\n}\n")
	write(t, dir, "a_test.hcl", "test \"t\" {\nsend \"queue.in\" {   body = 1 }\n}\n")
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a folder":             {args: []string{"check", "."}, says: "ok: 1 flow"},
		"a pattern":            {args: []string{"check", "*.hcl"}, says: "ok: 1 flow"},
		"a shell's pattern":    {args: []string{"check", "a.hcl", "a_test.hcl"}, says: "ok: 1 flow"},
		"tests and no flows":   {args: []string{"check", "a_test.hcl"}, code: exitFailed, says: "Run them by eipd test a_test.hcl"},
		"with tests":           {args: []string{"check", "--tests", "a.hcl"}, says: "ok: 1 flow"},
		"fmt changes them too": {args: []string{"fmt", "--check", "."}, code: exitFailed, says: "a_test.hcl"},
	} {
		stdout, stderr, code := output(t, eipd(t, dir, test.args...))
		if code != test.code || !strings.Contains(stdout+stderr, test.says) {
			t.Errorf("%s: it ends with %d, want %d, and prints\n%s%s", name, code, test.code, stdout, stderr)
		}
	}
	write(t, dir, "a_test.hcl", "test \"t\" {\n  send \"queue.inn\" {}\n}\n")
	if _, stderr, code := output(t, eipd(t, dir, "check", "--tests", ".")); code != exitFailed || !strings.Contains(stderr, "a_test.hcl:2:8: error: Unknown target") {
		t.Errorf("a wrong test ends check --tests with %d: %s", code, stderr)
	}
}
