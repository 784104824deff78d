package flowtest

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
)

// An event is what a program that reads results is told, a line of JSON each.
type event struct {
	Event   string  `json:"event"` // run, pass, fail, skip or cover
	File    string  `json:"file,omitempty"`
	Line    int     `json:"line,omitempty"`
	Test    string  `json:"test,omitempty"`
	Elapsed float64 `json:"elapsed_ms,omitempty"`
	Output  string  `json:"output,omitempty"`
	*Coverage
}

// WriteEvents writes results for programs, in the order of the files; of coverage, where
// there is one, what it has found.
func WriteEvents(w io.Writer, results []*Result, c *Coverage) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, r := range results {
		e := event{Event: "run", File: r.Test.File.Name, Line: r.Test.Line, Test: r.Test.Name}
		if err := out.Encode(e); err != nil {
			return err
		}
		e.Event, e.Elapsed = string(r.Outcome), float64(r.Elapsed.Microseconds())/1000
		var lines []string
		for _, f := range r.Failures {
			lines = append(lines, fmt.Sprintf("%s:%d  %s", f.File, f.Line, strings.Join(f.Lines, "\n")))
		}
		if e.Output = strings.Join(lines, "\n"); r.Outcome == Skipped {
			e.Output = r.Test.Skip()
		}
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	if c == nil {
		return nil
	}
	return out.Encode(event{Event: "cover", Coverage: c})
}

// byFile yields results of each file, in their order.
func byFile(results []*Result) iter.Seq2[string, []*Result] {
	return func(yield func(string, []*Result) bool) {
		for len(results) > 0 {
			n, file := 0, results[0].Test.File.Name
			for n < len(results) && results[n].Test.File.Name == file {
				n++
			}
			if !yield(file, results[:n]) {
				return
			}
			results = results[n:]
		}
	}
}
