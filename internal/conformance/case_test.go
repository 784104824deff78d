package conformance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"
)

// A file is one file of a case's archive.
type file struct {
	name, mode string // mode: what stands in parentheses behind a wanted file's name
	data       []byte
}

// A command is one line of a case's script.
type command struct {
	line       string
	exit       int
	background bool
}

// A testCase is one archive, read.
type testCase struct {
	about    string
	commands []command
	files    []file
	stdin    []byte
	want     []file
}

var (
	fileLine = regexp.MustCompile(`(?m)^-- (\S+)(?: \((\w+(?: \w+)?)\))? --\n`)
	exitCode = regexp.MustCompile(`\s+# exit (\d+)$`)
)

func readCase(t *testing.T, path string) *testCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &testCase{}
	comment := data
	heads := fileLine.FindAllSubmatchIndex(data, -1)
	for i, h := range heads {
		end := len(data)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		if i == 0 {
			comment = data[:h[0]]
		}
		f := file{name: string(data[h[2]:h[3]]), data: data[h[1]:end]}
		if h[4] >= 0 {
			f.mode = string(data[h[4]:h[5]])
		}
		c.add(t, f)
	}
	if len(heads) == 0 {
		t.Fatal("the archive has no files")
	}
	c.readComment(t, string(comment))
	return c
}

func (c *testCase) add(t *testing.T, f file) {
	t.Helper()
	if name, ok := strings.CutSuffix(f.name, ".tmpl"); ok {
		f.name, f.data = name, expand(t, f.data)
	}
	name, wanted := strings.CutPrefix(f.name, "want/")
	switch {
	case wanted:
		f.name = name
		c.want = append(c.want, f)
	case f.mode != "":
		t.Fatalf("%s: only a wanted file has a mode", f.name)
	case f.name == "stdin":
		c.stdin = f.data
	default:
		c.files = append(c.files, f)
	}
}

func (c *testCase) readComment(t *testing.T, comment string) {
	t.Helper()
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(line)
		script, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			c.about += line + "\n"
			continue
		}
		cmd := command{line: script}
		if m := exitCode.FindStringSubmatchIndex(script); m != nil {
			fmt.Sscan(script[m[2]:m[3]], &cmd.exit)
			cmd.line = script[:m[0]]
		}
		cmd.line, cmd.background = strings.CutSuffix(cmd.line, " &")
		c.commands = append(c.commands, cmd)
	}
	if strings.TrimSpace(c.about) == "" {
		t.Fatal("the case does not say what it shows")
	}
}

func expand(t *testing.T, data []byte) []byte {
	t.Helper()
	tmpl, err := template.New("").Funcs(template.FuncMap{
		"repeat": func(n int, s string) string { return strings.Repeat(s, n) },
	}).Parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wanted returns a wanted file by its name.
func (c *testCase) wanted(name string) (file, bool) {
	for _, f := range c.want {
		if f.name == name {
			return f, true
		}
	}
	return file{}, false
}

// twins returns the case, or one for each of flow.hcl and flow.hcl.json where it
// has both.
func (c *testCase) twins() map[string]*testCase {
	without := func(name string) *testCase {
		twin := *c
		twin.files = nil
		for _, f := range c.files {
			if f.name != name {
				twin.files = append(twin.files, f)
			}
		}
		return &twin
	}
	native, json := without("flow.hcl.json"), without("flow.hcl")
	if len(native.files) == len(c.files) || len(json.files) == len(c.files) {
		return map[string]*testCase{"": c}
	}
	return map[string]*testCase{"native": native, "json": json}
}

// flowFile is the file that a case without commands is about.
func (c *testCase) flowFile() string {
	for _, f := range c.files {
		if f.name == "flow.hcl.json" {
			return f.name
		}
	}
	return "flow.hcl"
}

// write puts the case's files into dir.
func (c *testCase) write(t *testing.T, dir string) {
	t.Helper()
	for _, f := range c.files {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
