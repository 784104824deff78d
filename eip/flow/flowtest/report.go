package flowtest

import (
	"fmt"
	"io"
	"time"

	"github.com/eipd/eipd/internal/visible"
)

// A Failure is one thing that was not as a test expects.
type Failure struct {
	File  string
	Line  int
	Kind  string   // "expectation", "unexpected", "timeout", or "error": it is not the flows' fault
	Lines []string // what is wrong, and then what helps to mend it
}

// The kinds of failure.
const (
	expectation, unexpected, timeout, broken = "expectation", "unexpected", "timeout", "error"
)

// An Outcome is how a test ended.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "pass"
	Failed  Outcome = "fail"
	Skipped Outcome = "skip"
)

// A Result is what became of a test.
type Result struct {
	Test     *Test
	Outcome  Outcome
	Failures []Failure
	Ways     []string // of all messages
	Elapsed  time.Duration
	seen     seen
}

// A Summary counts results.
type Summary struct{ Passed, Failed, Skipped int }

// Add counts one more.
func (s *Summary) Add(r *Result) {
	switch r.Outcome {
	case Passed:
		s.Passed++
	case Failed:
		s.Failed++
	case Skipped:
		s.Skipped++
	}
}

func (s Summary) String() string {
	text := fmt.Sprintf("%d passed, %d failed", s.Passed, s.Failed)
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", s.Skipped)
	}
	return text
}

// WriteText writes results for people: one line a file, and of what failed all that is
// needed to mend it.
func WriteText(w io.Writer, results []*Result, verbose bool) error {
	var all Summary
	p := &printer{w: visible.Writer{To: w, Show: visible.Lines}}
	for file, of := range byFile(results) {
		var one Summary
		var took time.Duration
		for _, r := range of {
			p.result(r, verbose)
			one.Add(r)
			all.Add(r)
			took += r.Elapsed
		}
		word, counts := "ok   ", fmt.Sprintf("%d passed", one.Passed)
		if one.Failed > 0 {
			word, counts = "FAIL ", counts+fmt.Sprintf(", %d failed", one.Failed)
		}
		if one.Skipped > 0 {
			counts += fmt.Sprintf(", %d skipped", one.Skipped)
		}
		p.line("%s %s  %s  %s", word, file, counts, milliseconds(took))
	}
	p.line("%s", all)
	return p.err
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

// printer writes lines, until that fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) result(r *Result, verbose bool) {
	switch {
	case r.Outcome == Failed:
		p.line("--- FAIL %s:%d  %s  %s", r.Test.File.Name, r.Test.Line, r.Test.Name, milliseconds(r.Elapsed))
	case r.Outcome == Skipped:
		p.line("--- skip %s:%d  %s: %s", r.Test.File.Name, r.Test.Line, r.Test.Name, r.Test.Skip())
	case verbose:
		p.line("--- pass %s:%d  %s  %s", r.Test.File.Name, r.Test.Line, r.Test.Name, milliseconds(r.Elapsed))
	}
	for _, f := range r.Failures {
		for i, l := range f.Lines {
			if i == 0 {
				l = fmt.Sprintf("%s:%d  %s", f.File, f.Line, l)
			}
			p.line("    %s", l)
		}
	}
	if verbose {
		for _, way := range r.Ways {
			p.line("    %s", way)
		}
	}
}
