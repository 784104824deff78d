package expression

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression/internal/document"
)

// payload is a body as expressions see it, shared by all that see the same one.
type payload struct {
	isJSON   bool
	document document.Document // where it is JSON
	what     string            // what it is else, for people
	broken   bool              // it looks like JSON
}

func newPayload(m *eip.Message) *payload {
	p := &payload{what: "text"}
	text := m.Body()
	if m.Encoding != "" {
		var err error
		if text, err = m.Content(); err != nil { // what value fails with
			return p
		}
	}
	switch content.FormatOf(m.ContentType) {
	case content.JSON, content.Unstated:
		if p.isJSON = p.document.Init(text) == nil; p.isJSON {
			break
		}
		if !utf8.Valid(text) {
			p.what = "bytes"
		}
		text = bytes.TrimLeft(text, " \t\r\n")
		p.broken = len(text) > 0 && (text[0] == '{' || text[0] == '[')
	case content.Binary:
		p.what = "bytes"
	}
	return p
}

// A place is a member of body or reply that an expression reads by constant keys.
type place struct {
	root     string // "body" or "reply"; "" of a member of reply that stands alone
	path     *document.Path
	optional []bool // whether the key at an index is asked for by ?.
}

// document of the body or reply; fails where it is none.
func (e *environment) document(p *place) *document.Document {
	b := e.payload(p.root)
	if !b.isJSON {
		e.value(p.root) // fails where JSON was promised
		if b.broken {
			m := e.of(p.root).With(func(m *eip.Message) { m.ContentType = "application/json" })
			if _, err := m.Value(); err != nil {
				fail("the %s is %s and has no member %s: as JSON it is broken: %v", p.root, b.what, p.path.Keys[0], errors.Unwrap(errors.Unwrap(err)))
			}
		}
		fail("the %s is %s and has no member %s", p.root, b.what, p.path.Keys[0])
	}
	return &b.document
}

func (e *environment) payload(root string) *payload {
	if root == "body" {
		if e.body == nil {
			e.body = eip.Derive(e.m, newPayload)
		}
		return e.body
	}
	if e.answer == nil {
		e.answer = eip.Derive(e.reply, newPayload)
	}
	return e.answer
}

// read returns what is at a place, decoded.
func (e *environment) read(p *place) any {
	v, steps, exact, err := e.document(p).Any(p.path, e.of(p.root))
	if err != nil {
		fail("%s is too large: %v", p.upTo(len(p.path.Keys)), err)
	}
	e.saw(exact)
	if steps < len(p.path.Keys) {
		p.missing(steps, v)
		return nil
	}
	return v
}

// missing fails, but for a member of nil that is asked for by ?.
func (p *place) missing(steps int, v any) {
	switch {
	case v == nil && p.optional[steps]:
	case v == nil:
		fail("%s is nil and has no member %s", p.upTo(steps), p.path.Keys[steps])
	default:
		fail("%s is %s and has no member %s", p.upTo(steps), content.KindOf(v), p.path.Keys[steps])
	}
}

// upTo names a place, or what is around it.
func (p *place) upTo(steps int) string {
	return strings.TrimPrefix(strings.Join(append([]string{p.root}, p.path.Keys[:steps]...), "."), ".")
}

// whole returns all of the body or reply.
func (e *environment) whole(root string) any {
	if p := e.payload(root); p.isJSON {
		v, exact, err := p.document.Whole(e.of(root))
		if err != nil {
			fail("the %s is too large: %v", root, err)
		}
		e.saw(exact)
		return v
	}
	return e.value(root)
}

// value is what whole returns for a body that is no JSON.
func (e *environment) value(root string) any {
	v, err := e.of(root).Value()
	if err != nil {
		fail("%v", err)
	}
	return v
}

// of is the message that a body or reply is of.
func (e *environment) of(root string) *eip.Message {
	if root == "body" {
		return e.m
	}
	return e.reply
}
