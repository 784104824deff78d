package flowtest

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/eipd/eipd/eip/header"
)

// A verdict is what an expect has found.
type verdict struct {
	ok     bool
	never  bool // and nothing that comes can mend it
	lines  []string
	claims []*arrival // messages that blocks name
	about  []*arrival // that it has looked at
}

// judge looks at what there is by now.
func (r *rig) judge(one *task, e *expectBlock) verdict {
	switch one.to.kind {
	case aFlow, aStage, source:
		return r.judgeCounts(one, e)
	}
	came := r.candidates(one.to, e)
	v := verdict{about: came}
	least, most := e.bounds()
	switch n := len(came); {
	case n > most:
		v.never = true
		v.lines = append(v.lines, fmt.Sprintf("%s: %s expected, and %s came", one.label, wereExpected(least, most), number(n)))
	case n < least:
		v.lines = append(v.lines, fmt.Sprintf("%s: %s expected, and %s came", one.label, wereExpected(least, most), number(n)))
	}
	if v.lines != nil {
		return v
	}
	claims, lines := r.pair(one, e, came)
	if lines = append(lines, r.sameKeyOrder(e, came)...); lines != nil {
		v.lines, v.never = lines, len(came) == most
		return v
	}
	v.ok, v.claims = true, claims
	return v
}

func number(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

func wereExpected(least, most int) string {
	s := func(n int, word string) string {
		if n == 1 {
			return word + "1 message was"
		}
		return fmt.Sprintf("%s%d messages were", word, n)
	}
	switch {
	case least == most && most == 0:
		return "no message was"
	case least == most:
		return s(least, "")
	case least == 0:
		return s(most, "at most ")
	case most > mostSent*1000:
		return s(least, "at least ")
	}
	return fmt.Sprintf("%d to %d messages were", least, most)
}

// candidates are the messages that an expect is about, in their order.
func (r *rig) candidates(to target, e *expectBlock) (all []*arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.arrivals {
		if a.claimed || !a.isAt(to) || e.At != "" && a.at != e.At || !a.diedAs(e) {
			continue
		}
		if a.own && !e.Passed {
			continue
		}
		all = append(all, a)
	}
	return all
}

func (a *arrival) isAt(to target) bool {
	switch to.kind {
	case deadLetters:
		return a.deadOf == to.name && a.message.Headers[header.Reason] != "invalid"
	case invalidMessages:
		return a.deadOf == to.name && a.message.Headers[header.Reason] == "invalid"
	}
	return a.place == to.String()
}

// diedAs reports whether a dead letter says of itself what an expect asks.
func (a *arrival) diedAs(e *expectBlock) bool {
	h := a.message.Headers
	text, _ := h[header.Error].(string)
	return (e.Reason == "" || h[header.Reason] == string(e.Reason)) && (e.Stage == "" || h[header.Stage] == e.Stage) &&
		(e.Error == "" || regexp.MustCompile(e.Error).MatchString(text)) &&
		(e.Attempts == 0 || fmt.Sprint(h[header.Attempts]) == fmt.Sprint(max(e.Attempts, 0)))
}

// pair finds a message for each block, in order or in any.
func (r *rig) pair(one *task, e *expectBlock, came []*arrival) (claims []*arrival, lines []string) {
	any := e.Order == "any" || r.unordered(came)
	from := 0
	for i, m := range e.Message {
		var nearest []string
		found := false
		for k := from; k < len(came) && !found; k++ {
			if slices.Contains(claims, came[k]) {
				continue
			}
			wrong := r.mismatch(m, came[k].message, came[k].way)
			if found = len(wrong) == 0; found {
				if claims = append(claims, came[k]); !any {
					from = k + 1
				}
			} else if nearest == nil || len(wrong) < len(nearest) {
				nearest = wrong
			}
			if !any && !found && len(came)-from == len(e.Message)-i {
				break // each block is of one message
			}
		}
		if !found {
			of := fmt.Sprintf("%s: message %d is not as expected", one.label, i+1)
			if nearest == nil {
				of = fmt.Sprintf("%s: there is no message for block %d", one.label, i+1)
			}
			if any && len(came) > 1 {
				of += " (in any order)"
			}
			return nil, append(append(lines, of), indent(nearest)...)
		}
	}
	return claims, nil
}

// unordered reports whether what came has no order that could be expected: a flow with
// concurrency and no key sent it.
func (r *rig) unordered(came []*arrival) bool {
	for _, a := range came {
		for s := a.way; s != nil; s = s.before {
			for _, f := range r.places.flows {
				if f.Name == s.address && f.Concurrency > 1 && f.OrderBy == nil {
					return true
				}
			}
		}
	}
	return false
}

func (r *rig) sameKeyOrder(e *expectBlock, came []*arrival) (lines []string) {
	if e.SameKeyOrder == nil {
		return nil
	}
	last := map[string]int{}
	for _, a := range came {
		key, err := e.SameKeyOrder(context.Background(), a.message)
		first := a.way.first()
		if err != nil || first == nil {
			return append(lines, fmt.Sprintf("same_key_order: %v", err))
		}
		k := fmt.Sprint(key)
		if first.number < last[k] {
			return append(lines, fmt.Sprintf("same_key_order: messages of the key %q are in another order than they were sent", k))
		}
		last[k] = first.number
	}
	return nil
}
