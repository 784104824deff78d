package amqp

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/sequence"
)

// receive makes a message of a delivery. Nothing is added, and nothing lost. An
// error comes with the message.
func receive(d *amqp.Delivery, channel string, s eip.Settler) (*eip.Message, error) {
	m := eip.NewFor(d.Body, s) // nobody else has it yet, so that it may be filled in
	m.ID, m.CorrelationID, m.ReplyTo, m.Type = d.MessageId, d.CorrelationId, d.ReplyTo, d.Type
	m.ContentType, m.Encoding = d.ContentType, d.ContentEncoding
	m.UserID, m.AppID, m.Priority = d.UserId, d.AppId, d.Priority
	m.Expiration = expiration(d.Expiration)
	if m.Delivery = eip.DeliveryMode(d.DeliveryMode); m.Delivery > eip.Persistent {
		m.Delivery = eip.Unsaid
	}
	m.Redelivered, m.Channel = d.Redelivered, channel
	if !d.Timestamp.IsZero() {
		m.Timestamp = d.Timestamp.UTC()
	}
	if d.Exchange != "" { // there it is a name of the queue's and no key
		m.Key = d.RoutingKey
	}
	if len(d.Headers) == 0 {
		return m, nil
	}
	h, err := fromTable(d.Headers), error(nil)
	if raw, ok := h[rawHeaders].([]byte); ok {
		if h, err = decodeTable(raw); err != nil {
			return m, eip.Invalid(err)
		}
	}
	m.Sequence = sequence.Read(func(name string) any { return h[name] })
	m.Headers = h.FromOutside()
	return m, nil
}

// expiration reads AMQP's, which is milliseconds as text; "0" is not the same as
// none.
func expiration(text string) time.Duration {
	if text == "" {
		return 0
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || ms > math.MaxInt64/int64(time.Millisecond):
		return 0
	case ms <= 0:
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

func fromTable(t amqp.Table) eip.Headers {
	h := make(eip.Headers, len(t))
	for name, v := range t {
		h[name] = fromField(v)
	}
	return h
}

func fromField(v any) any {
	switch v := v.(type) {
	case amqp.Table:
		return fromTable(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = fromField(e)
		}
		return list
	case amqp.Decimal:
		return eip.Decimal{Scale: v.Scale, Value: v.Value}
	case time.Time:
		return v.UTC()
	}
	return v
}

// publishing makes what is published of a message. An error is the message's own
// fault.
func publishing(m *eip.Message, user string, frame int) (amqp.Publishing, error) {
	p := amqp.Publishing{
		DeliveryMode: amqp.Persistent, MessageId: m.ID, CorrelationId: m.CorrelationID, ReplyTo: m.ReplyTo, Type: m.Type,
		ContentType: m.ContentType, ContentEncoding: m.Encoding, AppId: m.AppID, Timestamp: m.Timestamp, Priority: m.Priority, Body: m.Body(),
	}
	// The server checks it against the login and closes the channel if it is
	// another: it says who sent the message here, which is no longer true.
	if m.UserID == user {
		p.UserId = user
	}
	if m.Delivery == eip.Transient {
		p.DeliveryMode = amqp.Transient
	}
	switch {
	case m.Expiration < 0:
		p.Expiration = "0"
	case m.Expiration > 0:
		p.Expiration = strconv.FormatInt(max(1, m.Expiration.Milliseconds()), 10)
	}
	size := 200 // the frame's and the fixed properties' own
	for _, s := range []struct{ name, text string }{{"message_id", m.ID}, {"correlation_id", m.CorrelationID}, {"reply_to", m.ReplyTo}, {"type", m.Type},
		{"content_type", m.ContentType}, {"content_encoding", m.Encoding}, {"app_id", m.AppID}, {"key", m.Key}} {
		if len(s.text) > 255 {
			return p, fmt.Errorf("its %s has %d bytes, and AMQP takes 255", s.name, len(s.text))
		}
		size += len(s.text)
	}
	if len(m.Headers) == 0 && m.Sequence == (eip.Sequence{}) {
		return p, nil
	}
	t, n, err := toTable(m.Headers, 0)
	if err != nil {
		return p, err
	}
	sequence.Write(m.Sequence, func(name string, v any) {
		t[name] = v
		n += 2 + len(name) + 9
		if text, ok := v.(string); ok {
			n += len(text)
		}
	})
	// A routing list from outside would send copies to queues that no flow names.
	if !m.Copies {
		delete(t, "CC")
		delete(t, "BCC")
	}
	if size += n; frame > 0 && size > frame {
		return p, fmt.Errorf("its headers have %d bytes, and the broker takes %d", n, frame-200)
	}
	p.Headers = t
	return p, nil
}

const maxDepth = 256

// toTable makes a table of headers, and estimates its size on the wire from above.
func toTable(h eip.Headers, depth int) (amqp.Table, int, error) {
	if depth > maxDepth {
		return nil, 0, fmt.Errorf("its headers are nested more than %d deep", maxDepth)
	}
	t, size := make(amqp.Table, len(h)), 4
	for name, v := range h {
		if len(name) > 255 {
			return nil, 0, fmt.Errorf("a header's name has %d bytes, and AMQP takes 255", len(name))
		}
		f, n, err := toField(v, depth)
		if err != nil && depth == 0 {
			err = fmt.Errorf("header %s: %w", name, err)
		}
		if err != nil {
			return nil, 0, err
		}
		t[name] = f
		size += 2 + len(name) + n
	}
	return t, size, nil
}

func toField(v any, depth int) (any, int, error) {
	switch v := v.(type) {
	case nil, bool, int8, byte, int16, uint16, int32, uint32, int64, time.Time:
		return v, 9, nil
	case float32:
		return finite(v, float64(v))
	case float64:
		return finite(v, v)
	case int:
		return int64(v), 9, nil
	case uint:
		return toField(uint64(v), depth)
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), 9, nil
		}
		return strconv.FormatUint(v, 10), 25, nil
	case time.Duration:
		return int64(v / time.Millisecond), 9, nil
	case string:
		return v, 5 + len(v), nil
	case []byte:
		return v, 5 + len(v), nil
	case eip.Decimal:
		return amqp.Decimal{Scale: v.Scale, Value: v.Value}, 6, nil
	case eip.Headers:
		return toField(map[string]any(v), depth)
	case map[string]any:
		t, n, err := toTable(v, depth+1)
		return t, n + 1, err
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return toField(list, depth)
	case []any:
		if depth > maxDepth {
			return nil, 0, fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
		list, size := make([]any, len(v)), 5
		for i, e := range v {
			f, n, err := toField(e, depth+1)
			if err != nil {
				return nil, 0, err
			}
			list[i] = f
			size += n + 1
		}
		return list, size, nil
	}
	return nil, 0, fmt.Errorf("a value of the type %T cannot be a header", v)
}

// finite refuses what RabbitMQ does not survive reading.
func finite(v any, f float64) (any, int, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, 0, fmt.Errorf("RabbitMQ takes no number that is %v", f)
	}
	return v, 9, nil
}

// same reports whether a returned message is the one that was published; they are
// told apart by what the publisher gave them.
func same(r *amqp.Return, o *outgoing) bool {
	p := &o.publishing
	return r.MessageId == p.MessageId && r.CorrelationId == p.CorrelationId && r.RoutingKey == o.key &&
		len(r.Body) == len(p.Body) && string(r.Body) == string(p.Body) && strings.EqualFold(r.Type, p.Type)
}
