package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tools is the directory of eipd and what else the scripts run.
var tools string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "post" {
		if err := post(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(withTools(m.Run))
}

// withTools builds eipd once for all cases.
func withTools(run func() int) int {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	tools = dir
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "eipd"), "github.com/eipd/eipd/cmd/eipd")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build eipd: %v\n%s", err, out)
		return 1
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "post"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// atOnce bounds the commands that run at the same time.
var atOnce = make(chan struct{}, 2)

func eachCase(t *testing.T, folder string, test func(*testing.T, *testCase)) {
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in testdata/%s: %v", folder, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		for twin, c := range readCase(t, path).twins() {
			t.Run(strings.TrimSuffix(name+"/"+twin, "/"), func(t *testing.T) {
				t.Parallel()
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				test(t, c)
			})
		}
	}
}

// TestValid runs flow files and compares what they put out.
func TestValid(t *testing.T) {
	eachCase(t, "valid", func(t *testing.T, c *testCase) {
		if len(c.commands) == 0 {
			c.commands = []command{{line: "eipd run --until-idle " + c.flowFile()}}
			check := newScript(t, c)
			check.run(command{line: "eipd check " + c.flowFile()})
			if t.Failed() {
				t.Fatalf("check said:\n%s%s", &check.stdout, &check.stderr)
			}
		}
		s := newScript(t, c)
		defer s.stop()
		for _, cmd := range c.commands {
			s.run(cmd)
		}
		if len(s.background) > 0 {
			eventually(func() bool { return len(differences(c, s)) == 0 })
			s.stop()
		}
		for _, d := range differences(c, s) {
			t.Error(d)
		}
		if t.Failed() {
			t.Logf("standard error:\n%s", &s.stderr)
		}
	})
}

// differences lists what is not as wanted after a script.
func differences(c *testCase, s *script) []string {
	var all []string
	if _, ok := c.wanted("stdout"); !ok && s.stdout.String() != "" {
		all = append(all, "stdout is not empty:\n"+s.stdout.String())
	}
	for _, want := range c.want {
		got, err := s.file(want.name)
		if want.name == "stderr" {
			if words := missingLine(string(want.data), got); words != "" {
				all = append(all, "stderr has no line with: "+words)
			}
			continue
		}
		if d := compare(want, got, err); d != "" {
			all = append(all, want.name+" "+d)
		}
	}
	return all
}

// TestInvalid checks flow files that are refused, or accepted with a warning.
func TestInvalid(t *testing.T) {
	eachCase(t, "invalid", func(t *testing.T, c *testCase) {
		if len(c.commands) == 0 {
			c.commands = []command{{line: "eipd check " + c.flowFile(), exit: 1}}
		}
		s := newScript(t, c)
		for _, cmd := range c.commands {
			s.run(cmd)
		}
		checkReport(t, c, c.marks(t), s.stdout.String()+s.stderr.String())
		if want, ok := c.wanted("stderr"); ok {
			if words := missingLine(string(want.data), s.stderr.String()); words != "" {
				t.Errorf("standard error has no line with: %s", words)
			}
		}
		if t.Failed() {
			t.Logf("report:\n%s%s", &s.stdout, &s.stderr)
		}
	})
}
