package eip

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip/header"
)

// A Message is an envelope and a payload. It is immutable: read its fields, and
// make a changed copy by With, WithBody or WithHeader. Copies share the body's
// bytes and the receipt. A Message is safe for concurrent use.
type Message struct {
	ID            string // Message ID; "" where the source gave none
	CorrelationID string // Correlation Identifier
	ReplyTo       string // Return Address: where on the broker it came from replies go
	Type          string
	ContentType   string // MIME type of the body
	Encoding      string // content encoding
	Key           string // routing key, and what a topic's pattern selects by
	UserID        string
	AppID         string
	Timestamp     time.Time
	// Expiration is how long the message may wait in a channel: 0 for ever, less
	// than 0 not at all.
	Expiration  time.Duration
	Priority    uint8
	Delivery    DeliveryMode
	Redelivered bool // it was delivered before, and not settled
	// Copies reports that the flow itself wrote the headers CC and BCC. Brokers that
	// send copies to what these name leave them out where it is false: a message from
	// outside has no say in that.
	Copies bool
	// Status reports that the flow itself wrote the header http_status: only then is it
	// the status of an answer over HTTP.
	Status   bool
	Channel  string // the channel or adapter it was taken from
	Sequence Sequence
	Headers  Headers

	payload *payload
	receipt *receipt
	replier Replier
	// answered is whether a reply has got to the Return Address; nil: nobody asks.
	answered *atomic.Bool
	trace    *trace // nil: nobody follows the message
}

// A DeliveryMode says whether its sender wants a message to outlast a broker that
// crashes. Brokers keep what does not say so.
type DeliveryMode uint8

// The numbers are AMQP's.
const (
	Unsaid DeliveryMode = iota
	Transient
	Persistent
)

// A Sequence says which part of a larger whole a message is (Message Sequence).
type Sequence struct {
	ID     string
	Number int // from 1
	Size   int // 0: not known
	// Outer is where the whole itself is a part of a larger one; nil: it is none.
	Outer *Sequence
}

// payload is a body and what was made of it, shared by all copies that have it.
type payload struct {
	body    []byte
	mu      sync.Mutex
	derived any
	more    *[]any // that was derived; seldom there is any
}

// envelope keeps what every new message needs in one allocation.
type envelope struct {
	message Message
	payload payload
	receipt receipt
}

// New makes a message with a receipt of its own. settle is called exactly once,
// when nothing holds the message any more, with nil or with what went wrong; it
// may be nil, it may be called from any goroutine, and it must not block. The
// caller owns the first reference, and gives it up by passing the message to
// [Deliver] (a [Flow] does).
func New(body []byte, settle func(error)) *Message {
	return NewFor(body, settlerOf(settle))
}

// A Settler is told what became of a message, as New's settle is. Two more methods,
// which may be called from any goroutine, are for sources that have them:
//
// Revoked() bool reports whether the source has taken its message back while it is
// worked on, as a broker does when a connection is lost: it will deliver the message
// again, whatever Settle is told.
//
// Expired() bool reports whether the message has expired while it waits to be begun,
// as messages do in a channel. Told of [ErrExpired], the source does with it what its
// channel would.
type Settler interface{ Settle(err error) }

// NewFor is New with an object in place of the function, which spares a source
// one allocation a message.
func NewFor(body []byte, s Settler) *Message {
	e := &envelope{}
	e.payload.body = body
	e.receipt.init(s)
	e.message.payload = &e.payload
	e.message.receipt = &e.receipt
	return &e.message
}

// NewID returns a random identifier of 32 hexadecimal digits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Body returns the payload's bytes. They must not be changed.
func (m *Message) Body() []byte {
	if m.payload == nil {
		return nil
	}
	return m.payload.body
}

// With returns a copy of m as changed by edit. The copy shares m's body and
// receipt. edit must not change the Headers map in place; WithHeader copies it.
func (m *Message) With(edit func(*Message)) *Message {
	c := *m
	edit(&c)
	if c.ContentType != m.ContentType || c.Encoding != m.Encoding { // what was decoded by the old ones is void
		c.payload = &payload{body: m.Body()}
	}
	return &c
}

// WithBody returns a copy of m with another body, which must not be changed
// afterwards.
func (m *Message) WithBody(body []byte) *Message {
	c := *m
	c.payload = &payload{body: body}
	c.receipt.charge(int64(len(body)))
	return &c
}

// WithHeader returns a copy of m with one header set.
func (m *Message) WithHeader(name string, value any) *Message {
	return m.WithHeaders(Headers{name: value})
}

// WithHeaders returns a copy of m with the given headers set, beside those that
// it has.
func (m *Message) WithHeaders(set Headers) *Message {
	c := *m
	c.Headers = make(Headers, len(m.Headers)+len(set))
	maps.Copy(c.Headers, m.Headers)
	maps.Copy(c.Headers, set)
	if _, ok := set[header.Status]; ok {
		c.Status = true
	}
	return &c
}

// Without returns a copy of m that lacks the named headers.
func (m *Message) Without(names ...string) *Message {
	c := *m
	if there := func(n string) bool { _, ok := m.Headers[n]; return ok }; slices.ContainsFunc(names, there) {
		c.Headers = maps.Clone(m.Headers)
		for _, n := range names {
			delete(c.Headers, n)
		}
	}
	return &c
}

// Fork returns a copy of m with a receipt of its own: m may settle before it, and
// apart from it. settled is called exactly once, as New's settle is; it may be
// nil. The caller must pass the fork to [Deliver].
func (m *Message) Fork(settled func(error)) *Message {
	f := &struct { // the payload is m's
		message Message
		receipt receipt
	}{message: *m}
	f.receipt.init(settlerOf(settled))
	if r := m.receipt; r != nil {
		r.unpark() // who forks may wait for the fork, and that for what is parked
		f.receipt.test, f.receipt.of = r.test, r
		switch s := r.settler.(type) {
		case *forked:
			f.receipt.settler = &forked{settled, s.origin}
		case revoker:
			f.receipt.settler = &forked{settled, s}
		}
	}
	f.message.receipt = &f.receipt
	return &f.message
}

// A Replier takes the reply to a message that came through it. Reply may return
// before the reply has arrived; it then holds the reply message.
type Replier interface {
	Reply(ctx context.Context, request, reply *Message) error
}

// WithReplier returns a copy of m whose replies r takes. Sources whose messages
// can be answered set it.
func (m *Message) WithReplier(r Replier) *Message {
	c := *m
	c.replier, c.answered = r, nil
	return &c
}

// Replier returns who takes replies to m: nil where m cannot be answered.
func (m *Message) Replier() Replier { return m.replier }

// Reply answers m with the body, headers and content type of reply, which goes to
// m's Return Address with m's correlation identifier (its ID, where it has none).
// The reply shares m's receipt, so m is settled only when its reply has arrived.
// A message that cannot be answered is invalid.
func (m *Message) Reply(ctx context.Context, reply *Message) error {
	if m.replier == nil {
		return Invalid(ErrNoReturnAddress)
	}
	r := *reply
	r.receipt = m.receipt
	r.ReplyTo, r.replier, r.answered = "", nil, nil
	r.CorrelationID = m.CorrelationID
	if r.CorrelationID == "" {
		r.CorrelationID = m.ID
	}
	r.trace = m.trace
	err := m.sendReply(ctx, &r)
	if err == nil {
		m.Sent(1)
	}
	return err
}

// Derive returns what build makes of m's payload, and keeps it: one value of each
// type T for all copies that share the body and content type. It serves decoders,
// so that several expressions read one body once. build runs under a lock and
// must not call Derive.
func Derive[T any](m *Message, build func(*Message) T) T {
	p := m.payload
	if p == nil {
		return build(m)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.derived.(T); ok {
		return v
	}
	if p.more != nil {
		for _, d := range *p.more {
			if v, ok := d.(T); ok {
				return v
			}
		}
	}
	v := build(m)
	switch {
	case p.derived == nil:
		p.derived = v
	case p.more == nil:
		p.more = &[]any{v}
	default:
		*p.more = append(*p.more, v)
	}
	return v
}
