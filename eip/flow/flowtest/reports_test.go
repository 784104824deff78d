package flowtest_test

import (
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/flow/flowtest"
)

var (
	runs    = flag.Int("runs", 10, "how often tests must give the same results")
	elapsed = regexp.MustCompile(`"elapsed_ms":[0-9.]+,?`)
)

// In whatever order tests run, and however many at once, they give the same results, to
// the byte.
func TestRun_IsTheSameEachTime(t *testing.T) {
	files := load(t, "testdata/all/passes_test.hcl", "testdata/fails/fails_test.hcl")
	want := ""
	for seed := range uint64(*runs) {
		var got strings.Builder
		results := flowtest.Run(t, files, flowtest.Options{Shuffle: &seed, Parallel: 8})
		if err := flowtest.WriteEvents(&got, results, flowtest.Cover(files, results)); err != nil {
			t.Fatal(err)
		}
		text := elapsed.ReplaceAllString(got.String(), "")
		for _, r := range results {
			text += strings.Join(r.Ways, "\n") + "\n"
		}
		if want == "" {
			want = text
		}
		if text != want {
			w, g := strings.Split(want, "\n"), strings.Split(text, "\n")
			for i := range min(len(w), len(g)) {
				if w[i] != g[i] {
					t.Fatalf("run %d differs at line %d:\n%s\nwant\n%s", seed, i+1, g[i], w[i])
				}
			}
			t.Fatalf("run %d has %d lines, want %d", seed, len(g), len(w))
		}
	}
}

func TestWriteEvents(t *testing.T) {
	results := flowtest.Run(t, load(t, "testdata/all/passes_test.hcl", "testdata/fails/fails_test.hcl"), flowtest.Options{Count: 2})
	var text strings.Builder
	if err := flowtest.WriteEvents(&text, results, nil); err != nil {
		t.Fatal(err)
	}
	events := map[string]int{}
	for line := range strings.Lines(text.String()) {
		var e struct {
			Event, File, Test, Output string
			Line                      int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		events[e.Event]++
		if e.File == "" || e.Test == "" || e.Line == 0 || (e.Event == "fail") != strings.Contains(e.Output, "fails_test.hcl:") {
			t.Errorf("%s", line)
		}
	}
	if events["run"] != len(results) || events["pass"]+events["fail"]+events["skip"] != len(results) || events["skip"] != 2 || events["fail"] == 0 {
		t.Errorf("%v of %d results", events, len(results))
	}
}

// The report is XML whatever bodies hold, and has what junit-10.xsd of Jenkins allows: its
// plug-in refuses a report with an attribute more.
func TestWriteJUnit(t *testing.T) {
	results := flowtest.Run(t, load(t, "testdata/all/passes_test.hcl", "testdata/fails/fails_test.hcl", "testdata/junit/junit_test.hcl"), flowtest.Options{})
	var text strings.Builder
	if err := flowtest.WriteJUnit(&text, results, time.Now()); err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{
		"testsuites": {}, "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "file"},
		"testcase": {"name", "classname", "time"}, "failure": {"message", "type"}, "error": {"message", "type"}, "skipped": {"message"}, "system-out": {},
	}
	seen := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(text.String()))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		seen[e.Name.Local]++
		var names []string
		for _, a := range e.Attr {
			names = append(names, a.Name.Local)
		}
		if want, known := allowed[e.Name.Local]; !known || !slices.Equal(names, want) {
			t.Errorf("<%s> has %v, want %v", e.Name.Local, names, want)
		}
	}
	if seen["testsuite"] != 3 || seen["testcase"] != len(results) || seen["skipped"] != 1 || seen["error"] == 0 || seen["failure"] == 0 {
		t.Errorf("it has %v", seen)
	}
	for _, want := range []string{"]]&gt;", `\u0000`, "🎁"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not have %q", want)
		}
	}
	if strings.ContainsRune(text.String(), 0) {
		t.Error("it has a NUL")
	}
}

func TestCover(t *testing.T) {
	files := load(t, "testdata/all/passes_test.hcl")
	c := flowtest.Cover(files, flowtest.Run(t, files, flowtest.Options{}))
	var text, lcov strings.Builder
	if err := c.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteLCOV(&lcov); err != nil {
		t.Fatal(err)
	}
	golden(t, "cover.txt", text.String())
	golden(t, "cover.lcov", lcov.String())
	if c.Percent() <= 80 || c.Percent() >= 100 {
		t.Errorf("%v %% are covered", c.Percent())
	}
}
