package flowtest

import (
	"fmt"
	"slices"

	"github.com/eipd/eipd/eip/header"
)

// accounts has every message be accounted for.
func (r *rig) accounts() {
	if r.failed() {
		return
	}
	at := r.test.block.Range()
	if lines := r.imbalance(); lines != nil {
		r.failAt(at, broken, lines...)
	}
	if !r.test.says.Strict {
		return
	}
	for _, lines := range r.strays() {
		r.failAt(at, unexpected, lines...)
	}
	for _, f := range r.host.Flows() {
		if c, _ := f.Counts(); c.InFlight > 0 {
			r.failAt(at, unexpected, fmt.Sprintf("%s still in flight in flow.%s", areMessages(int(c.InFlight)), f.Name()))
		}
	}
	for _, name := range sorted(r.places.reads) {
		r.mu.Lock()
		n := r.depth(name)
		r.mu.Unlock()
		if n > 0 {
			r.failAt(at, unexpected, fmt.Sprintf("%s waiting in %s", areMessages(int(n)), name))
		}
	}
}

// strays says of each place what came there unexpected.
func (r *rig) strays() (all [][]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	strays := map[string][]*arrival{}
	for _, a := range r.ended(nil) {
		if !a.expected && r.services[a.place] == nil && r.stubs[a.place] == nil && !r.ignored(a) {
			strays[a.called()] = append(strays[a.called()], a)
		}
	}
	for _, name := range sorted(strays) {
		lines := []string{fmt.Sprintf("%s came to %s, which nothing expects", messages(len(strays[name])), name)}
		for i, a := range strays[name] {
			if i == mostWays {
				lines = append(lines, fmt.Sprintf("  and %d more", len(strays[name])-i))
				break
			}
			lines = append(lines, fmt.Sprintf("  message %d went  %s", r.numberOf(a), a.said()), "  its body is "+r.bodyOf(a.message))
		}
		all = append(all, lines)
	}
	return all
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

func areMessages(n int) string {
	if n == 1 {
		return "1 message is"
	}
	return fmt.Sprintf("%d messages are", n)
}

// ignored reports whether the test says that messages may come where a did.
func (r *rig) ignored(a *arrival) bool {
	return slices.Contains(r.script.ignore, a.place) || a.deadOf != "" && slices.Contains(r.script.ignore, a.called())
}

// called is where a message came, as an expect names it.
func (a *arrival) called() string {
	switch {
	case a.deadOf == "":
		return a.place
	case a.message.Headers[header.Reason] == "invalid":
		return "invalid." + a.deadOf
	}
	return "dead_letters." + a.deadOf
}

// tellLacking offers the stubs that were needed and are not there.
func (r *rig) tellLacking() {
	r.mu.Lock()
	lacks := r.lacks
	r.mu.Unlock()
	for _, address := range sorted(lacks) {
		r.failures = append([]Failure{{File: r.test.File.Name, Line: r.test.Line, Kind: broken, Lines: []string{
			fmt.Sprintf("%s (%s) leaves the process, and the test has no stub for it. Write into the test:", address, lacks[address]),
			fmt.Sprintf("  stub %q {", address), `    body = "{ok: true}" # an expression, which sees the message`, "  }"}}}, r.failures...)
	}
}
