package routing

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/wire"
)

// part is a message on its way into a group.
type part struct {
	of       *Aggregator
	message  *eip.Message
	key      string
	group    string // the hash of key
	identity string // see identityOf; "" where it has none
	test     string // the identifier of a Test Message
	kept     []byte // identity, and the message
	at       time.Time
	initial  any
	noted    noted
}

// identityOf is what a part is remembered by. Those that are short stay as they are: ones
// that are counted up are then near each other in the store, which makes them cheap to keep.
func identityOf(text string) string {
	switch {
	case text == "":
		return ""
	case len(text) <= 48:
		return "=" + text
	}
	return "#" + hash(text)
}

// envelope is about how much of a message there is beside its body.
const envelope = 256

// mostShown is how much of a key is kept for people to see.
const mostShown = 1 << 10

// part evaluates what a group needs of a message.
func (a *Aggregator) part(ctx context.Context, m *eip.Message) (p *part, err error) {
	p = &part{of: a, message: m, at: a.env.Clock.Now(), key: m.Sequence.ID}
	if m.IsTest() {
		p.test, _ = m.Headers[header.Test].(string)
	}
	if a.Key != nil {
		if p.key, err = textOf(ctx, a.Key, m); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
	}
	if p.key == "" && a.Key == nil {
		return nil, eip.Invalid(errors.New("it is part of no sequence, by which parts are known without the option key"))
	} else if p.key == "" {
		return nil, eip.Invalid(errors.New("its key is empty"))
	}
	p.group = hash(p.test, p.key)
	if len(p.key) > mostShown {
		p.key = p.key[:mostShown] + "…"
	}
	identity := m.ID
	switch {
	case a.Part != nil:
		if identity, err = textOf(ctx, a.Part, m); err != nil {
			return nil, fmt.Errorf("part: %w", err)
		}
	case identity == "" && m.Sequence.Number > 0:
		identity = m.Sequence.ID + "/" + strconv.Itoa(m.Sequence.Number)
	}
	p.identity = identityOf(identity)
	if a.Initial != nil {
		if p.initial, err = a.Initial(ctx, m); err != nil {
			return nil, fmt.Errorf("initial: %w", err)
		}
	}
	if a.Fold.Of == nil {
		if _, err := raw(m); err != nil { // which would spoil the whole group
			return nil, err
		}
	}
	p.kept = appendIdentity(make([]byte, 0, 1+len(p.identity)+len(m.Body())+envelope), p.identity)
	p.kept, err = wire.Encode(p.kept, m, 0)
	return p, err
}

// textOf is a key: text as it is, and anything else as JSON; nil is "".
func textOf(ctx context.Context, of eip.Value, m *eip.Message) (string, error) {
	v, err := of(ctx, m)
	if err != nil {
		return "", err
	}
	text, err := content.Key(v)
	return text, eip.Invalid(err)
}

// partOf reads what a part is kept as.
func partOf(value []byte) (identity string, message []byte, err error) {
	identity, message, ok := cutIdentity(value)
	if !ok {
		return "", nil, eip.Permanent(errors.New("a part of the group cannot be read"))
	}
	return identity, message, nil
}

// cutIdentity takes an identity, which has its length before it, off the front.
func cutIdentity(b []byte) (identity string, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > len(b)-1 {
		return "", nil, false
	}
	return string(b[1 : 1+b[0]]), b[1+b[0]:], true
}

func appendIdentity(b []byte, identity string) []byte {
	return append(append(b, byte(len(identity))), identity...)
}

// value is what a part is kept as.
func (p *part) value(withMessage bool) []byte {
	if withMessage {
		return p.kept
	}
	return p.kept[:1+len(p.identity)]
}
