package flowtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/internal/visible"
)

// Coverage says which outcomes of flows tests have seen.
type Coverage struct {
	Files    []CoveredFile `json:"files"`
	Outcomes int           `json:"outcomes"`
	Covered  int           `json:"covered"`
	// Failures are outcomes too, which are counted by themselves.
	Failures        int `json:"failures"`
	CoveredFailures int `json:"covered_failures"`
}

// CoveredFile is the outcomes of one flow file, in its order.
type CoveredFile struct {
	File     string           `json:"file"`
	Outcomes []CoveredOutcome `json:"outcomes"`
}

// CoveredOutcome is one thing that can become of a message.
type CoveredOutcome struct {
	Line    int    `json:"line"`
	Address string `json:"address"` // of a flow or stage
	Outcome string `json:"outcome"` // "entered", "passed", a branch's name …
	Failure bool   `json:"failure,omitempty"`
	Hits    int64  `json:"hits"`
}

// entered is the outcome of every stage.
const entered = "entered"

// seen is what a test has seen: how often, by address and outcome.
type seen map[[2]string]int64

// outcomes are those of the flow that f declares.
func outcomes(f *flow.Flow, add func(at hcl.Range, address, outcome string, failure bool)) {
	add(f.Range, f.Name, entered, false)
	add(f.Range, f.Name, "dead letter", true)
	add(f.Range, f.Name, "invalid message", true)
	for n, s := range eip.Walk(f.Stages()) {
		if n == nil {
			continue
		}
		at := f.PlaceOf(n.Address)
		if at.Filename == "" {
			continue // an interceptor's, which stands elsewhere
		}
		add(at, n.Address, entered, false)
		for _, o := range outcomesOf(f.StageKind(n.Address), s) {
			where := at
			if inner := f.PlaceOf(n.Address + "." + o); inner.Filename != "" {
				where = inner
			}
			add(where, n.Address, o, o == timedOut)
		}
	}
}

const timedOut = "timed out"

// outcomesOf are the outcomes of a stage of a kind, besides that it is entered.
func outcomesOf(kind string, s eip.Stage) (all []string) {
	switch kind {
	case "content_router", "dispatch":
		if c, ok := s.(eip.Counted); ok {
			return sorted(c.Stats().Branches)
		}
	case "filter":
		return []string{"passed", "dropped"}
	case "detour":
		return []string{"on", "off"}
	case "wire_tap":
		if f := reflect.Indirect(reflect.ValueOf(s)).FieldByName("If"); f.IsValid() && hasExpression(f) {
			return []string{"if is true", "if is false"}
		}
	case "recipient_list":
		for _, t := range s.(*routing.RecipientList).Allow {
			all = append(all, "to "+t.Name)
		}
	case "request":
		return []string{"answered", timedOut}
	}
	return all
}

// hasExpression reports whether an option is set that is an expression, which may be live.
func hasExpression(f reflect.Value) bool {
	if l, ok := f.Addr().Interface().(interface{ Load() eip.Predicate }); ok {
		return l.Load() != nil
	}
	return f.Kind() != reflect.Func || !f.IsNil()
}

// note keeps what the flows have counted until now.
func (r *rig) note() {
	for _, f := range r.host.Flows() {
		c, _ := f.Counts()
		r.seen[[2]string{f.Name(), entered}] += c.Received
		r.seen[[2]string{f.Name(), "dead letter"}] += c.DeadLettered + c.Answered
		r.seen[[2]string{f.Name(), "invalid message"}] += c.Invalid
		for _, s := range f.Stages() {
			c, _ := s.Counts()
			received := c.Received + c.Made
			add := func(outcome string, n int64) { r.seen[[2]string{s.Address, outcome}] += n }
			add(entered, received)
			counted, ok := s.Named.Stage.(eip.Counted)
			if !ok {
				continue
			}
			own := counted.Stats()
			for branch, n := range own.Branches {
				add(branch, n)
			}
			switch s.Kind {
			case "filter":
				add("passed", own.Counts["passed"])
				add("dropped", own.Counts["dropped"]+own.Counts["discarded"])
			case "detour":
				add("on", own.Counts["detoured"])
				add("off", received-own.Counts["detoured"])
			case "wire_tap":
				add("if is true", own.Counts["copied"])
				add("if is false", received-own.Counts["copied"])
			case "request":
				add("answered", own.Counts["replies"])
				add(timedOut, own.Counts["timed_out"])
			}
		}
	}
}

// noteRecipients keeps which of the channels of recipient lists had messages.
func (r *rig) noteRecipients() {
	for _, s := range r.ways.all {
		if s.before != nil && r.places.kinds[s.before.address] == "recipient_list" {
			r.seen[[2]string{s.before.address, "to " + s.address}]++
		}
	}
}

// Cover sums up what the tests of files have seen of the flows under test.
func Cover(files []*File, results []*Result) *Coverage {
	all := declared(files)
	for _, r := range results {
		for _, file := range r.Test.check.config.Files() {
			for o := range all[file] {
				all[file][o] += r.seen[[2]string{o.Address, o.Outcome}]
			}
		}
	}
	c := &Coverage{Files: []CoveredFile{}}
	for _, file := range sorted(all) {
		of := CoveredFile{File: file}
		for o, hits := range all[file] {
			o.Hits = hits
			of.Outcomes = append(of.Outcomes, o)
			c.count(o)
		}
		slices.SortFunc(of.Outcomes, func(a, b CoveredOutcome) int {
			return cmp.Or(a.Line-b.Line, cmp.Compare(a.Address, b.Address), cmp.Compare(a.Outcome, b.Outcome))
		})
		c.Files = append(c.Files, of)
	}
	return c
}

func (c *Coverage) count(o CoveredOutcome) {
	outcomes, covered := &c.Outcomes, &c.Covered
	if o.Failure {
		outcomes, covered = &c.Failures, &c.CoveredFailures
	}
	*outcomes++
	if o.Hits > 0 {
		*covered++
	}
}

// declared are the outcomes of the flows under test, by their files, without any hits.
func declared(files []*File) map[string]map[CoveredOutcome]int64 {
	all := map[string]map[CoveredOutcome]int64{}
	known := map[*flow.Config]bool{}
	for _, f := range files {
		for _, t := range f.Tests {
			c := t.check.config
			if known[c] {
				continue
			}
			known[c] = true
			for _, decl := range c.Flows {
				if !decl.Enabled && !slices.Contains(t.says.Flows, decl.Name) {
					continue
				}
				outcomes(decl, func(at hcl.Range, address, outcome string, failure bool) {
					if all[at.Filename] == nil {
						all[at.Filename] = map[CoveredOutcome]int64{}
					}
					all[at.Filename][CoveredOutcome{at.Start.Line, address, outcome, failure, 0}] = 0
				})
			}
		}
	}
	return all
}

// Percent is how many of a hundred outcomes are covered, failures aside.
func (c *Coverage) Percent() float64 {
	if c.Outcomes == 0 {
		return 100
	}
	return float64(100*c.Covered) / float64(c.Outcomes)
}

// WriteText writes a table for people.
func (c *Coverage) WriteText(w io.Writer) error {
	wide := len("FLOW FILE")
	for _, f := range c.Files {
		wide = max(wide, len(f.File))
	}
	p := &printer{w: visible.Writer{To: w, Show: visible.Lines}}
	p.line("%-*s  OUTCOMES   FAILURES  NOT COVERED", wide, "FLOW FILE")
	for _, f := range c.Files {
		var n [2][2]int
		var not []string
		for _, o := range f.Outcomes {
			which := 0
			if o.Failure {
				which = 1
			}
			if n[which][1]++; o.Hits > 0 {
				n[which][0]++
				continue
			}
			not = append(not, fmt.Sprintf(":%d %s %s", o.Line, o.Address, o.Outcome))
		}
		first := append(not, "")[0]
		p.line("%s", strings.TrimRight(fmt.Sprintf("%-*s  %-9s  %-8s  %s", wide, f.File, fmt.Sprintf("%d/%d", n[0][0], n[0][1]), fmt.Sprintf("%d/%d", n[1][0], n[1][1]), first), " "))
		for _, line := range not[min(1, len(not)):] {
			p.line("%-*s%s", wide+2+9+2+8+2, "", line)
		}
	}
	return p.err
}

// WriteLCOV writes what LCOV reads: DA for flows and stages, BRDA for what else can become
// of a message.
func (c *Coverage) WriteLCOV(w io.Writer) error {
	p := &printer{w: w}
	for _, f := range c.Files {
		p.line("TN:\nSF:%s", f.File)
		hits := map[int]int64{}
		for _, o := range f.Outcomes {
			if o.Outcome == entered {
				hits[o.Line] += o.Hits
			}
		}
		for _, line := range slices.Sorted(maps.Keys(hits)) {
			p.line("DA:%d,%d", line, hits[line])
		}
		branch, found, hit := map[int]int{}, 0, 0
		for _, o := range f.Outcomes {
			if o.Outcome == entered {
				continue
			}
			taken := "-"
			if found++; o.Hits > 0 {
				hit++
				taken = fmt.Sprint(o.Hits)
			}
			p.line("BRDA:%d,0,%d,%s", o.Line, branch[o.Line], taken)
			branch[o.Line]++
		}
		p.line("BRF:%d\nBRH:%d\nend_of_record", found, hit)
	}
	return p.err
}

// WriteJSON writes all of it for programs.
func (c *Coverage) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(c)
}
