package flowtest

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/internal/visible"
)

// What a report for continuous integration is made of, in the form that JUnit began, and
// as junit-10.xsd of Jenkins has it: that knows no file and no line of a testcase.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		File      string      `xml:"file,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string         `xml:"name,attr"`
		Class   string         `xml:"classname,attr"`
		Time    string         `xml:"time,attr"`
		Skipped *junitSkipped  `xml:"skipped,omitempty"`
		Error   []junitFailure `xml:"error,omitempty"`
		Failure []junitFailure `xml:"failure,omitempty"`
		Out     *junitOut      `xml:"system-out,omitempty"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitOut struct {
		Text string `xml:",chardata"`
	}
)

// mostOfCase is how many bytes a report has of one test at most.
const mostOfCase = 64 << 10

// WriteJUnit writes results as JUnit's XML. at is when the tests began.
func WriteJUnit(w io.Writer, results []*Result, at time.Time) error {
	all := junitSuites{}
	for file, of := range byFile(results) {
		s := junitSuite{Name: forXML(file), File: forXML(file), Tests: len(of), Timestamp: at.UTC().Format("2006-01-02T15:04:05")}
		var took time.Duration
		for _, r := range of {
			took += r.Elapsed
			c := caseOf(file, r)
			switch {
			case c.Skipped != nil:
				s.Skipped++
			case c.Error != nil:
				s.Errors++
			case c.Failure != nil:
				s.Failures++
			}
			s.Cases = append(s.Cases, c)
		}
		s.Time = seconds(took)
		all.Suites = append(all.Suites, s)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	}
	return err
}

func caseOf(file string, r *Result) junitCase {
	c := junitCase{Name: forXML(r.Test.Name), Class: forXML(classOf(file)), Time: seconds(r.Elapsed)}
	room := mostOfCase
	take := func(text string) string {
		text = visible.Short(forXML(text), room)
		room = max(room-len(text), 0)
		return text
	}
	if r.Outcome == Skipped {
		c.Skipped = &junitSkipped{take(r.Test.Skip())}
	}
	for _, f := range r.Failures {
		one := junitFailure{Message: take(f.Lines[0]), Type: f.Kind}
		one.Text = take(fmt.Sprintf("%s:%d  %s", f.File, f.Line, strings.Join(f.Lines, "\n")))
		if f.Kind == broken {
			c.Error = append(c.Error, one)
		} else {
			c.Failure = append(c.Failure, one)
		}
	}
	if c.Error != nil {
		c.Failure = nil // of which there is one or the other
	}
	if len(r.Ways) > 0 && r.Outcome != Skipped {
		c.Out = &junitOut{take(strings.Join(r.Ways, "\n"))}
	}
	return c
}

// classOf is a file's path with dots.
func classOf(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(filepath.ToSlash(filepath.Clean(file)), ".json"), ".hcl")
	return strings.ReplaceAll(strings.Trim(name, "/."), "/", ".")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// forXML writes characters that XML 1.0 does not have as Go does.
func forXML(text string) string {
	var b strings.Builder
	for i, c := range text {
		valid := c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c <= 0xD7FF || c >= 0xE000 && c <= 0xFFFD || c >= 0x10000
		if c == utf8.RuneError && text[i] < utf8.RuneSelf || !valid {
			fmt.Fprintf(&b, `\u%04x`, c)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}
