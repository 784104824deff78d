package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every examples/NAME/flow.hcl says in its leading comment what goes in and what
// must come out, as Go's examples do:
//
//	# What it shows.
//	#
//	# Input:
//	#   a line for standard input
//	#
//	# Output:
//	#   a line of standard output
//
// "Unordered output:" compares the lines in any order.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "examples", "*", "flow.hcl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no examples: %v", err)
	}
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			e := readExample(t, file)
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			c := eipd(t, dir, "run", "--until-idle", "flow.hcl")
			c.Stdin = strings.NewReader(e.input)
			stdout, stderr, code := output(t, c)
			got, want := lines(stdout), lines(e.output)
			if e.unordered {
				slices.Sort(got)
				slices.Sort(want)
			}
			if code != 0 || !slices.Equal(got, want) {
				t.Errorf("exit %d, printed:\n%s\nwant:\n%s\nlog:\n%s", code, strings.Join(got, "\n"), strings.Join(want, "\n"), stderr)
			}
			if formatted, err := formatted(file, e.source); err != nil || string(formatted) != string(e.source) {
				t.Errorf("%s is not formatted (make fmt): %v", file, err)
			}
		})
	}
}

type example struct {
	source        []byte
	input, output string
	unordered     bool
}

func readExample(t *testing.T, file string) *example {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := &example{source: source}
	var section *string
	found := false
	for line := range strings.Lines(string(source)) {
		text, comment := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#")
		if !comment {
			break
		}
		switch strings.TrimSpace(text) {
		case "Input:":
			section = &e.input
		case "Output:":
			section, found = &e.output, true
		case "Unordered output:":
			section, found, e.unordered = &e.output, true, true
		case "": // between two sections
		default:
			if section != nil {
				*section += strings.TrimPrefix(text, "   ") + "\n"
			}
		}
	}
	if !found {
		t.Fatalf("%s does not say in its comment what it prints", file)
	}
	return e
}

// lines splits what was printed; trailing blanks do not count.
func lines(s string) []string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	all := strings.Split(s, "\n")
	for i := range all {
		all[i] = strings.TrimRight(all[i], " \r")
	}
	return all
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
