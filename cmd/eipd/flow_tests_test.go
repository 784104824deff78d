package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/flowtest"
)

// untested are the flow files that eipd test cannot load, and why.
var untested = map[string]string{
	"examples/plugins/plugins.hcl": "one of its stages is its own program's",
}

// The tests of the quick start and of the examples pass, and see all that can become of a
// message there, failures apart. No flow file is left out.
func TestFlowTests(t *testing.T) {
	t.Chdir(root)
	names, err := flowtest.Find([]string{"flows", "examples"})
	if err != nil {
		t.Fatal(err)
	}
	files, err := flowtest.Load(names)
	var wrong *flowtest.Invalid
	if errors.As(err, &wrong) {
		_ = wrong.Write(t.Output(), false)
	}
	if err != nil {
		t.Fatal(err)
	}
	results := flowtest.Run(t, files, flowtest.Options{})
	if slices.ContainsFunc(results, func(r *flowtest.Result) bool { return r.Outcome != flowtest.Passed }) {
		_ = flowtest.WriteText(t.Output(), results, false)
		t.Error("not all of them passed")
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if text, failed := formatted(name, source); errors.Join(err, failed) != nil || string(text) != string(source) {
			t.Errorf("%s is not formatted (make fmt): %v", name, errors.Join(err, failed))
		}
	}
	seen := map[string]bool{}
	for _, f := range flowtest.Cover(files, results).Files {
		seen[path.Clean(filepath.ToSlash(f.File))] = true
		for _, o := range f.Outcomes {
			if o.Hits == 0 && !o.Failure {
				t.Errorf("%s:%d: no test has seen %s %s", f.File, o.Line, o.Address, o.Outcome)
			}
		}
	}
	for _, pattern := range []string{"flows/*.hcl", "examples/*/*.hcl"} {
		all, err := filepath.Glob(pattern)
		if err != nil || len(all) == 0 {
			t.Fatalf("%s: there are none: %v", pattern, err)
		}
		for _, file := range all {
			name := filepath.ToSlash(file)
			if !strings.HasSuffix(name, "_test.hcl") && seen[name] == (untested[name] != "") {
				t.Errorf("%s: has tests: %v; why not: %q", name, seen[name], untested[name])
			}
		}
	}
}
