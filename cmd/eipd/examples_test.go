package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every example prints what its leading comment says.
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
			e.check(t, dir)
			if formatted, err := formatted(file, e.source); err != nil || string(formatted) != string(e.source) {
				t.Errorf("%s is not formatted (make fmt): %v", file, err)
			}
		})
	}
}

// check runs the example and compares what it prints.
func (e *example) check(t *testing.T, dir string, args ...string) {
	t.Helper()
	got, want := lines(e.run(t, dir, args...)), lines(e.output)
	if e.unordered {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		t.Errorf("printed:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// run returns what the example prints.
func (e *example) run(t *testing.T, dir string, args ...string) string {
	if e.requests != "" {
		return e.serve(t, dir)
	}
	c := eipd(t, dir, append([]string{"run", "--until-idle", "flow.hcl"}, args...)...)
	c.Stdin = strings.NewReader(e.input)
	stdout, stderr, code := output(t, c)
	want := 0
	if strings.Contains(stderr, "message failed for good") {
		want = 4
	}
	if code != want {
		t.Errorf("exit %d, want %d; its log:\n%s", code, want, stderr)
	}
	return stdout
}

func (e *example) serve(t *testing.T, dir string) string {
	p := start(t, eipd(t, dir, "run", "--var", "listen=127.0.0.1:0", "flow.hcl"))
	address := "http://" + p.address(t)
	var printed strings.Builder
	for _, request := range lines(e.requests) {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		q, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, answer := do(t, q)
		fmt.Fprintln(&printed, strings.TrimSpace(fmt.Sprint(status, " ", answer)))
	}
	p.interrupt(t)
	for _, l := range p.printed {
		fmt.Fprintln(&printed, l)
	}
	return printed.String()
}

// do makes a request on a connection of its own.
func do(t *testing.T, q *http.Request) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

func readExample(t *testing.T, file string) *example {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := exampleOf(source)
	if !ok {
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
