package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/eipd/eipd/docs"
	"github.com/eipd/eipd/internal/keeper"
	"github.com/eipd/eipd/internal/rabbit"
)

// All that new lists is written, loads, passes its tests and runs. What README.md says of an
// example is carried out; what it says of a page is on that page.
func TestNew_AllRun(t *testing.T) {
	for _, k := range kits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			p := &page{T: t, dir: t.TempDir()}
			p.succeeds("new", k.name, ".")
			p.succeeds("fmt", "--check", ".")
			p.succeeds("test")
			port := []string{"127.0.0.1:8088", "127.0.0.1:" + keeper.FreePort(t), "127.0.0.1:8089", "127.0.0.1:" + keeper.FreePort(t), "127.0.0.1:8090", "127.0.0.1:" + keeper.FreePort(t)}
			for name, text := range k.files {
				if path.Ext(name) == ".hcl" && !strings.HasSuffix(name, "_test.hcl") {
					p.succeeds("check", name)
					write(t, p.dir, name, strings.NewReplacer(port...).Replace(string(text)))
					if k.example == "" {
						flows := start(t, eipd(t, p.dir, "run", name))
						flows.ready(t)
						flows.interrupt(t)
					}
				}
			}
			if k.example != "" {
				p.readme(strings.NewReplacer(port...).Replace(string(k.files["README.md"])))
			}
		})
	}
}

func (p *page) readme(text string) {
	p.Helper()
	if strings.Contains(text, "$ curl") {
		rabbit.Require(p.T, "/usr/bin/curl")
	}
	for _, b := range fenced(text) {
		for _, c := range b.commands() {
			p.run(c)
		}
	}
	for i := range p.beside {
		p.kill(i)
	}
}

func (p *page) succeeds(args ...string) {
	p.Helper()
	if stdout, stderr, code := output(p.T, eipd(p.T, p.dir, args...)); code != 0 {
		p.Fatalf("eipd %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
}

// A pattern that shows flows and runs them is one to begin with, and each test beside a
// page is of such a page.
func TestNew_LeavesNothingOut(t *testing.T) {
	without := map[string]string{
		"messaging-bridge": "it joins two brokers of the network",
		"messaging-mapper": "its service waits for requests of a network",
		"claim-check":      "what its page shows stands in for a stage",
		"message-store":    "what its page shows stands in for a stage",
	}
	listed := map[string]kit{}
	for _, k := range kits() {
		if listed[k.name].files != nil {
			t.Errorf("%s is listed twice", k.name)
		}
		listed[k.name] = k
	}
	for _, name := range patternNames() {
		if about := listed[slug(name)].about; about != "" && !strings.Contains(about, name) {
			t.Errorf("the list does not say what a %s is: %s", name, about)
		}
		if without[slug(name)] == "" && listed[slug(name)].files == nil {
			t.Errorf("%s is not listed; it needs a file docs/patterns/%s_test.hcl", name, slug(name))
		}
	}
	for _, test := range append(glob(docs.Pages, "patterns/*_test.hcl"), glob(docs.Pages, "cookbook/*_test.hcl")...) {
		want, _ := fs.ReadFile(docs.Pages, test)
		name := strings.TrimSuffix(filepath.Base(test), "_test.hcl")
		if string(listed[name].files["flow_test.hcl"]) != string(want) {
			t.Errorf("docs/%s is of no use: what new %s writes has another test", test, name)
		}
	}
}

func TestNew(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "full/notes.txt", "mine")
	write(t, dir, "file", "mine")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"a list":                {[]string{"new"}, 0, `(?s)patterns\n.*  aggregator +An Aggregator.*cookbook\n.*examples\n.*  throttle`},
		"the pattern's name":    {[]string{"new", "Wire Tap", "a"}, 0, `a/flow.hcl\na/flow_test.hcl\na/input.jsonl\n`},
		"the stage's name":      {[]string{"new", "content_router", "b/c"}, 0, `b/c/flow.hcl\n`},
		"a folder of its name":  {[]string{"new", "aggregator"}, 0, `aggregator/flow.hcl\n`},
		"an empty folder":       {[]string{"new", "detour", "empty"}, 0, `empty/flow.hcl\n`},
		"a folder within":       {[]string{"new", "file", "f"}, 0, `f/orders/monday.jsonl\n`},
		"a folder with files":   {[]string{"new", "detour", "full"}, 1, `full is not empty`},
		"a file":                {[]string{"new", "detour", "file"}, 1, `file`},
		"the folder's name":     {[]string{"new", "poll"}, 0, `(?m)^poll/flow.hcl$`},
		"no name":               {[]string{"new", "", "d"}, 1, `eipd new lists all`},
		"no folder":             {[]string{"new", "detour", ""}, 1, `folder . is not empty`},
		"a wrong name":          {[]string{"new", "agregator", "d"}, 1, `did you mean aggregator\?`},
		"nothing like it":       {[]string{"new", "qqqqqqqqqqqqqqqq", "d"}, 1, `eipd new lists all`},
		"nothing that runs":     {[]string{"new", "Messaging Bridge", "d"}, 1, `docs/patterns/messaging-bridge.md`},
		"a name without quotes": {[]string{"new", "Wire", "Tap", "d"}, 2, `at most 2`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := output(t, eipd(t, dir, tt.args...))
			if code != tt.code || !regexp.MustCompile(tt.says).MatchString(filepath.ToSlash(stdout+stderr)) {
				t.Errorf("exit %d, want %d and %q in:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
	if got := glob(os.DirFS(dir), "full/*"); len(got) != 1 || len(glob(os.DirFS(dir), "d")) > 0 {
		t.Errorf("a command that failed has written: %v", got)
	}
}
