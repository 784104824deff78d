package flowtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/header"
)

// What an expect may ask, by what its target is.
var (
	messageOptions = []string{"count", "at_least", "at_most", "order", "same_key_order", "message"}
	deadOptions    = []string{"reason", "stage", "error", "attempts"}
	flowCounts     = []string{"received", "sent", "dropped", "copies", "retried", "dead_lettered", "invalid", "returned"}
	countsOf       = map[string][]string{aFlow: flowCounts, aStage: append(slices.Clone(flowCounts), "branches"), source: {"acked", "left", "returned"}}
)

func isCount(option string) bool {
	return slices.Contains(countsOf[aStage], option) || slices.Contains(countsOf[source], option)
}

// wanted are the counts that an expect names. 0 is -1 there.
func (c *counts) wanted() map[string]int {
	all := map[string]int{}
	for name, n := range map[string]int{"received": c.Received, "sent": c.Sent, "dropped": c.Dropped, "copies": c.Copies, "retried": c.Retried,
		"dead_lettered": c.DeadLettered, "invalid": c.Invalid, "returned": c.Returned, "acked": c.Acked, "left": c.Left} {
		if n != 0 {
			all[name] = max(n, 0)
		}
	}
	return all
}

// set names the options that were set, apart from within and for.
func (e *expectBlock) set() (all []string) {
	all = sorted(e.wanted())
	for name, is := range map[string]bool{"count": e.Count != 0, "at_least": e.AtLeast != 0, "at_most": e.AtMost != 0, "order": e.Order != "", "same_key_order": e.SameKeyOrder != nil,
		"passed": e.Passed, "at": e.At != "", "reason": e.Reason != "", "stage": e.Stage != "", "error": e.Error != "", "attempts": e.Attempts != 0,
		"message": len(e.Message) > 0, "branches": e.Branches != nil} {
		if is {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// bounds are how many messages an expect wants.
func (e *expectBlock) bounds() (least, most int) {
	const many = int(^uint(0) >> 1)
	switch n := len(e.Message); {
	case e.Count != 0:
		return max(e.Count, 0), max(e.Count, 0)
	case e.AtLeast != 0 || e.AtMost != 0:
		least, most = max(e.AtLeast, n), many
		if e.AtMost != 0 {
			most = max(e.AtMost, 0)
		}
		return least, most
	case n > 0:
		return n, n
	case e.SameKeyOrder != nil:
		return 0, many
	}
	return 1, many
}

// expect waits until an expect is fulfilled, and has the clock go on while it is not.
func (r *rig) expect(one *task, e *expectBlock) {
	settle()
	v := r.judge(one, e)
	for until := r.clock.Now().Add(e.Within); !v.ok && !v.never && !r.failed() && !r.over(); v = r.judge(one, e) {
		if !r.clock.next(until) {
			break
		}
	}
	if v.ok && e.For > 0 {
		r.clock.advance(e.For, r.over)
		if v = r.judge(one, e); !v.ok && len(v.lines) > 0 {
			v.lines[0] += fmt.Sprintf(", within the %s after it was fulfilled", flow.ShortDuration(e.For))
		}
	}
	r.mu.Lock()
	for _, a := range v.about {
		a.expected = true
	}
	for _, a := range v.claims {
		a.claimed = true
	}
	r.mu.Unlock()
	if !v.ok {
		r.fail(one, expectation, append(v.lines, r.whereabouts(v.about)...)...)
	}
}

// mostWays is of how many messages a failure says the way.
const mostWays = 10

// whereabouts says where messages went, but for those that are there already.
func (r *rig) whereabouts(besides []*arrival) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ways == nil {
		return nil // nothing was sent yet
	}
	all := r.ended(besides)
	for i, a := range all {
		if i == mostWays {
			return append(lines, fmt.Sprintf("  and %d more", len(all)-i))
		}
		lines = append(lines, fmt.Sprintf("  message %d went  %s", r.numberOf(a), a.said()))
	}
	came := map[*step]bool{}
	for _, a := range r.arrivals {
		came[a.way] = a.way != nil && (!r.places.reads[a.place] || a.deadOf != "")
	}
	for i, way := range r.ways.lost(came) {
		if i == mostWays {
			break
		}
		lines = append(lines, "  a message got as far as  "+way)
	}
	return lines
}

// ended are the messages that no flow took any more, in the order in which those that they
// came of were sent. The lock is held.
func (r *rig) ended(besides []*arrival) (all []*arrival) {
	for _, a := range r.arrivals {
		if !slices.Contains(besides, a) && !a.own && (!r.places.reads[a.place] || a.deadOf != "") {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b *arrival) int {
		return cmp.Or(cmp.Compare(r.numberOf(a), r.numberOf(b)), cmp.Compare(a.said(), b.said()))
	})
	return all
}

// numberOf is which of the messages that were sent one came of; 0: none.
func (r *rig) numberOf(a *arrival) int {
	if first := a.way.first(); first != nil {
		return slices.Index(r.sent, first.number) + 1
	}
	return 0
}

// said is the way of a message, with why it died.
func (a *arrival) said() string {
	way := a.place
	if a.way != nil {
		way = a.way.String()
	}
	if a.deadOf != "" {
		way += fmt.Sprintf("  (%v at %v: %v)", a.message.Headers[header.Reason], a.message.Headers[header.Stage], a.message.Headers[header.Error])
	}
	return way
}

func indent(lines []string) []string {
	for i, l := range lines {
		lines[i] = "  " + strings.ReplaceAll(l, "\n", "\n  ")
	}
	return lines
}
