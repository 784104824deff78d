package flowtest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// leaving are the kinds of stage that leave the process.
var leaving = []string{"exec", "processor", "request", "smart_proxy"}

// faultFits reports whether a fault can happen where it is said to.
func (t *Test) faultFits(r *flow.Reader, p *places, one *task, b *syntax.Block, f *faultBlock) bool {
	kind := one.to.kind
	reads := p.reads[one.to.String()]
	for _, o := range []struct {
		name  string
		set   bool
		fits  bool
		where string
	}{
		{"panic", f.Panic, kind == aStage, "a stage"},
		{"full", f.Full, kind == queue, "a queue"},
		{"cut", f.Cut, kind == aBroker, "a broker"},
		{"confirm", f.Confirm != "", kind == queue || kind == topic, "a channel"},
		{"duplicate", f.Duplicate, reads, "a channel or adapter that a flow reads"},
		{"reorder", f.Reorder, reads, "a channel or adapter that a flow reads"},
		{"error", f.Error != "", kind != aBroker, "a channel, an adapter or a stage"},
		{"delay", f.Delay > 0, kind != aBroker, "a channel, an adapter or a stage"},
		{"hang", f.Hang, kind != aBroker, "a channel, an adapter or a stage"},
	} {
		if o.set && !o.fits {
			return r.Fail(b.Range(), "Wrong fault", "%q is a fault of %s, and %s is none.", o.name, o.where, one.label)
		}
	}
	return true
}

// source checks that a flow under test takes what is sent.
func (t *Test) source(r *flow.Reader, p *places, one *task) bool {
	if one.to.kind == adapter && !p.reads[one.to.String()] {
		return r.Fail(one.at, "Wrong target", "No flow under test takes messages from %s. To say what came there, write expect %q.", one.to, one.label)
	}
	return true
}

// expectation checks that an expect asks what its target can tell.
func (t *Test) expectation(r *flow.Reader, p *places, one *task, b *syntax.Block, e *expectBlock) bool {
	fail := func(format string, args ...any) bool {
		return r.Fail(b.Range(), "Wrong option", format, args...)
	}
	kind := one.to.kind
	counted := kind == aFlow || kind == aStage || kind == source
	dead := kind == deadLetters || kind == invalidMessages
	takes := map[string]bool{}
	for _, o := range e.set() {
		takes[o] = true
		switch {
		case slices.Contains(messageOptions, o) && counted:
			return fail("%q is of messages, and %s has counts: %s.", o, one.label, strings.Join(countsOf[kind], ", "))
		case slices.Contains(deadOptions, o) && !dead:
			return fail("%q is of dead letters. Write expect \"dead_letters.FLOW\".", o)
		case o == "at" && kind != adapter:
			return fail("%q is where a sink adapter would have written, and %s is none.", o, one.label)
		case o == "passed" && kind != queue && kind != topic:
			return fail("%q is of channels.", o)
		case isCount(o) && !slices.Contains(countsOf[kind], o):
			if counted {
				return fail("%s has no count %q. It has %s.", one.label, o, strings.Join(countsOf[kind], ", "))
			}
			return fail("%q is a count of a flow or stage. Write expect \"flow.NAME\".", o)
		}
	}
	if reader := p.reader(one.to.String()); reader != nil && !e.Passed && (kind == queue || kind == topic) {
		return fail("What comes to %s goes on: the flow %q takes it. Write passed = true to see what went through.", one.to, reader.Name)
	}
	if counted && len(takes) == 0 {
		return fail("It expects nothing. %s has counts: %s.", one.label, strings.Join(countsOf[kind], ", "))
	}
	if e.Stage != "" {
		if hint, ok := p.passed(e.Stage); !ok {
			return fail("There is no stage %q.%s", e.Stage, hint)
		}
	}
	for _, way := range sorted(e.Branches) {
		if hint, ok := p.way(one.to.name, way); !ok {
			return fail("%s has no way %q.%s", one.to.name, way, hint)
		}
	}
	if e.Error != "" {
		if _, err := regexp.Compile(e.Error); err != nil {
			return fail("\"error\" is no regular expression: %v.", err)
		}
	}
	for _, m := range e.Message {
		if !t.matcher(r, p, b, m) {
			return false
		}
	}
	return true
}

// matcher checks what Validate cannot.
func (t *Test) matcher(r *flow.Reader, p *places, b *syntax.Block, m *matchBlock) bool {
	if m == nil {
		return true
	}
	if _, err := regexp.Compile(m.Matches); err != nil {
		return r.Fail(b.Range(), "Wrong value", "\"matches\" is no regular expression: %v.", err)
	}
	for _, address := range slices.Concat(m.Via, m.NotVia) {
		if hint, ok := p.passed(address); !ok {
			return r.Fail(b.Range(), "Unknown address", "There is no %q on the way of a message.%s", address, hint)
		}
	}
	return true
}
