package flowtest

import (
	"cmp"
	"encoding/base64"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/regular"
)

// A task is a step of a test, read.
type task struct {
	at    hcl.Range
	kind  string
	label string
	to    target
	does  any // a *expectBlock, …; of send a []*outgoing
	took  time.Duration
}

// script is what a test does, and what stands in while it does.
type script struct {
	tasks    []*task
	stubs    map[string]*stubBlock // by address
	services map[string]*stubBlock // by channel
	faulty   map[string]bool       // addresses of stages that faults are about
	ignore   []string
}

// kinds are what the steps are about.
var kinds = map[string][]string{
	"send": {queue, topic, aFlow, adapter}, "call": {queue, aFlow, adapter},
	"expect":  {queue, topic, adapter, deadLetters, invalidMessages, aFlow, aStage, source},
	"fault":   {queue, topic, adapter, aStage, aBroker},
	"heal":    {queue, topic, adapter, aStage, aBroker},
	"end":     {adapter},
	"stub":    {aStage, adapter},
	"service": {queue, topic},
}

// read reads the steps of a test. What is wrong is the Reader's to tell.
func (t *Test) read(r *flow.Reader, p *places) *script {
	s := &script{stubs: map[string]*stubBlock{}, services: map[string]*stubBlock{}, faulty: map[string]bool{}}
	for _, b := range r.Content(t.block.Body, inTest).Blocks {
		if !known(r, b, "A test", inTest) {
			continue
		}
		one := &task{at: b.Range(), kind: b.Type}
		if len(b.Labels) > 0 {
			one.label = b.Labels[0].Name
		}
		if of := kinds[b.Type]; of != nil {
			to, hint, ok := p.find(one.label, of...)
			if !ok {
				r.Fail(b.Labels[0].Range, "Unknown target", "There is no %q to %s.%s", one.label, b.Type, hint)
				continue
			}
			one.to = to
		}
		if t.step(r, p, s, one, b) && b.Type != "stub" && b.Type != "service" {
			s.tasks = append(s.tasks, one)
		}
	}
	for _, name := range t.says.Ignore {
		if _, hint, ok := p.find(name, queue, topic, adapter, deadLetters, invalidMessages); !ok {
			r.Fail(t.placeOf(r, "ignore"), "Unknown target", "There is no %q to ignore.%s", name, hint)
		}
	}
	s.ignore = t.says.Ignore
	return s
}

// step reads one of them, and reports whether nothing was wrong.
func (t *Test) step(r *flow.Reader, p *places, s *script, one *task, b *syntax.Block) bool {
	decode := func(into any) bool {
		one.does = into
		return r.Decode(into, b, b.Type, t.row)
	}
	switch b.Type {
	case "send":
		return t.send(r, p, one, b)
	case "call":
		c := &callBlock{Within: time.Hour}
		return decode(c) && t.source(r, p, one) && t.bodyOf(r, b, &c.messageBlock) && t.matcher(r, p, b, c.Reply)
	case "end":
		return t.source(r, p, one) && decode(&emptyBlock{})
	case "settle", "restart", "heal":
		if b.Type == "restart" && t.says.Broker != onDisk {
			return r.Fail(b.Range(), "Nothing to restart from", "What is in a broker in memory is gone when its process ends. Write broker = \"embedded\" in the test.")
		}
		return decode(&emptyBlock{})
	case "advance":
		d, err := time.ParseDuration(one.label)
		if err != nil || d < 0 {
			return r.Fail(b.Labels[0].Range, "Wrong value", "%q is no duration. Write a number and a unit, like 500ms, 5s or 1h30m.", one.label)
		}
		one.took = d
		return decode(&emptyBlock{})
	case "command":
		if !slices.Contains(control.Commands(), one.label) {
			return r.Fail(b.Labels[0].Range, "Unknown command", "There is no command %q.%s", one.label, flow.DidYouMean(one.label, control.Commands()))
		}
		return decode(&commandBlock{})
	case "fault":
		f := &faultBlock{}
		if !decode(f) || !t.faultFits(r, p, one, b, f) {
			return false
		}
		s.faulty[one.to.name] = true
	case "expect":
		e := &expectBlock{Within: time.Hour}
		return decode(e) && t.expectation(r, p, one, b, e)
	case "stub", "service":
		stub := &stubBlock{}
		if !decode(stub) {
			return false
		}
		to, key := s.stubs, one.to.name
		if b.Type == "service" {
			if f := p.reader(one.to.String()); f != nil {
				return r.Fail(b.Range(), "Wrong target", "The flow %q answers what comes to %s.", f.Name, one.to)
			}
			to, key = s.services, one.to.String()
		} else if one.to.kind == adapter {
			key = one.to.String()
		} else if !slices.Contains(leaving, p.kinds[key]) {
			return r.Fail(b.Range(), "Wrong target", "The stage %s is %s, which leaves the process nowhere. A stub stands in for %s.", key, p.kinds[key], strings.Join(leaving, ", "))
		}
		if to[key] != nil {
			return r.Fail(b.Range(), "Duplicate block", "There is a %s %q already.", b.Type, one.label)
		}
		to[key] = stub
	}
	return true
}

// send reads the messages of a send.
func (t *Test) send(r *flow.Reader, p *places, one *task, b *syntax.Block) bool {
	if !t.source(r, p, one) {
		return false
	}
	var all []*sendBlock
	for i, n := 0, 1; i < n; i++ {
		see := map[string]cty.Value{}
		maps.Copy(see, t.row)
		see["index"] = cty.NumberIntVal(int64(i))
		s := &sendBlock{Count: 1}
		if !r.Decode(s, b, "send", see) {
			return false
		}
		all, n = append(all, s), s.Count
		if s.FromTap != "" || s.FromDeadLetter != "" {
			if s.Body != nil || s.Count > 1 || s.FromTap != "" && s.FromDeadLetter != "" {
				return r.Fail(b.Range(), "Wrong option", "from_tap and from_dead_letter give whole messages: nothing else says what is sent.")
			}
			var ok bool
			if all, ok = t.saved(r, b, cmp.Or(s.FromTap, s.FromDeadLetter), s.FromDeadLetter != ""); !ok {
				return false
			}
		}
	}
	one.does = all
	size := 0
	for _, s := range all {
		if !t.bodyOf(r, b, &s.messageBlock) {
			return false
		}
		if body, ok := s.Body.([]byte); ok {
			size += len(body)
		}
		if size > mostBody {
			return r.Fail(b.Range(), "Too much", "The messages of one send have more than %d MiB.", mostBody>>20)
		}
	}
	return true
}

// bodyOf has a body that stands elsewhere be there as bytes.
func (t *Test) bodyOf(r *flow.Reader, b *syntax.Block, m *messageBlock) bool {
	switch {
	case m.BodyFile != "":
		text, err := regular.ReadFile(t.beside(m.BodyFile), mostBody)
		if err != nil {
			return r.Fail(b.Range(), "Cannot read file", "body_file cannot be read: %v.", err)
		}
		m.Body = text
	case m.BodyBase64 != "":
		raw, err := base64.StdEncoding.DecodeString(m.BodyBase64)
		if err != nil {
			return r.Fail(b.Range(), "Wrong value", "body_base64 is no base64: %v.", err)
		}
		m.Body = raw
	case m.BodyJSON != "":
		if err := content.CheckJSON([]byte(m.BodyJSON)); err != nil {
			return r.Fail(b.Range(), "Wrong value", "body_json is no JSON: %v.", err)
		}
		if m.ContentType == "" {
			m.ContentType = "application/json"
		}
		m.Body = []byte(m.BodyJSON)
	}
	return true
}

const mostBody = 64 << 20

// beside is the path of what a test file names.
func (t *Test) beside(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(t.File.Name), name)
}
