package manage

import (
	"context"

	"github.com/eipd/eipd/eip"
)

// begin enters a request in the ledger, and makes the Correlation Identifier that
// it goes to the service with.
func (p *SmartProxy) begin(ctx context.Context, m *eip.Message) (*exchange, string) {
	c := p.ledger.number()
	shared := p.shared.Load()
	answers := m.ReplyTo != "" && shared != nil && (m.Replier() == nil || shared.inbox.Answers(m))
	switch {
	case answers && m.Replier() != nil:
		c.kind, c.replyTo, c.id = travels, m.ReplyTo, identity(m)
	case answers || m.Replier() != nil:
		c.kind = kept
	default:
		c.kind = unwatched
	}
	c.peer = p.own.Load().address()
	for {
		id, fits := p.seal.encode(&c)
		switch {
		case fits && c.kind == kept:
			return p.ledger.keep(ctx, c, m, p.hold(m)), id
		case fits:
			return p.ledger.watch(c), id
		case c.peer != "":
			c.peer = ""
		default:
			c.kind = kept // which always fits
		}
	}
}

// hold holds m. What it is released with is this stage's failure.
func (p *SmartProxy) hold(m *eip.Message) (release func(error)) {
	hold := m.Hold()
	return func(err error) {
		if err != nil {
			err = &eip.StageError{Address: p.address, Err: err}
		}
		hold(err)
	}
}
