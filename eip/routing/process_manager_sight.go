package routing

import (
	"maps"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
)

// processMembers are what expressions see as members of process.
var processMembers = map[string]bool{"key": true, "state": true, "data": true, "age": true, "in_state": true, "version": true, "tries": true}

// An OfProcess is an option that computes something of a message and its process: in a flow
// file an expression, and in a Go program the function Of. process is a JSON document with
// the one member process.
type OfProcess struct {
	Of    eip.Merge
	reads []string
}

// Sees are the names that the expression sees.
func (*OfProcess) Sees() []string { return []string{"body", "headers", "message", "process"} }

// Compiled sets the expression.
func (o *OfProcess) Compiled(m eip.Merge, reads []string) { o.Of, o.reads = m, reads }

// check checks what an expression reads of a process.
func (o *OfProcess) check(option string) (wrong []error) {
	for _, name := range o.reads {
		if member, ok := strings.CutPrefix(name, "process."); ok && !processMembers[member] {
			wrong = append(wrong, eip.OptionErrorf(option, "process has no member %q; it has %s", member, strings.Join(slices.Sorted(maps.Keys(processMembers)), ", ")))
		}
	}
	return wrong
}

// A ProcessPredicate is an OfProcess that gives true or false.
type ProcessPredicate struct{ OfProcess }

// Decides are the members that may be true or false by themselves.
func (*ProcessPredicate) Decides() []string { return []string{} }
