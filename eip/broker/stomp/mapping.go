package stomp

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
	"github.com/eipd/eipd/eip/internal/sequence"
)

// What a server cannot carry as it is goes in headers of eipd's own, which begin with
// "eip-" and win over the server's. The page of the broker has the table.
const (
	ownID         = "eip-id" // always there, so that a message without one can be told
	ownKey        = "eip-key"
	ownPriority   = "eip-priority"
	ownExpiration = "eip-expiration" // milliseconds
	ownTimestamp  = "eip-timestamp"
	ownDelivery   = "eip-delivery" // transient, where the server must not lose the message
	ownTypes      = "eip-types"
)

// send makes the SEND of a message to a destination. An error is the message's own fault.
func (s server) send(m *eip.Message, destination string, ttl time.Duration, now time.Time) (*frame.Frame, error) {
	f := &frame.Frame{Command: "SEND", Headers: make([]frame.Header, 0, 8+len(m.Headers)), Body: m.Body()}
	f.Add("destination", destination)
	add := func(name, value string) {
		if value != "" {
			f.Add(name, value)
		}
	}
	f.Add(ownID, m.ID)
	if s == rabbitmq && len(m.ID) <= mostOfProperty {
		add("amqp-message-id", m.ID)
	}
	add("correlation-id", m.CorrelationID)
	if m.ReplyTo != "" {
		to, err := s.replyTo(m.ReplyTo)
		if err != nil {
			return nil, err
		}
		f.Add("reply-to", to)
	}
	add("type", m.Type)
	add("content-type", m.ContentType)
	add("content-encoding", m.Encoding)
	add("app-id", m.AppID)
	add(ownKey, m.Key)
	if !m.Timestamp.IsZero() {
		f.Add("timestamp", s.timestamp(m.Timestamp))
		f.Add(ownTimestamp, timeText(m.Timestamp))
	}
	if m.Priority != 0 {
		f.Add("priority", strconv.Itoa(int(s.priority(m.Priority))))
		f.Add(ownPriority, strconv.Itoa(int(m.Priority)))
	}
	if m.Delivery == eip.Transient {
		f.Add(ownDelivery, "transient")
	} else {
		f.Add("persistent", "true") // RabbitMQ takes no other word for it
	}
	s.expire(f, m.Expiration, ttl, now)
	sequence.Write(m.Sequence, func(name string, v any) { f.Add(name, fmt.Sprint(v)) })
	return f, s.headers(f, m.Headers)
}

// expire says how long the message may wait: the shorter of its own time and the
// channel's.
func (s server) expire(f *frame.Frame, own, ttl time.Duration, now time.Time) {
	life := own
	if own != 0 {
		f.Add(ownExpiration, strconv.FormatInt(own.Milliseconds(), 10))
	}
	if ttl > 0 && (life == 0 || ttl < life) {
		life = ttl
	}
	switch {
	case life == 0:
	case s == rabbitmq:
		f.Add("expiration", strconv.FormatInt(min(max(0, life.Milliseconds()), longestLife), 10))
	default:
		f.Add("expires", strconv.FormatInt(now.Add(max(0, life)).UnixMilli(), 10))
	}
}

func (s server) timestamp(t time.Time) string {
	if s == rabbitmq {
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// priority is at most what the server knows.
func (s server) priority(p uint8) uint8 {
	if s == rabbitmq {
		return p
	}
	return min(p, 9)
}

// RabbitMQ gives what comes by STOMP to clients of AMQP too. A property or a name that
// does not fit there ends their connections.
const (
	mostOfProperty = 255
	mostOfHeaders  = 120 << 10                            // less than a frame
	longestLife    = 10 * 365 * 24 * 60 * 60 * int64(1e3) // milliseconds
)

// longest are what a server takes of one header, name and value, and what of all.
func (s server) longest() (one, all int) {
	if s == activemq {
		return 10 << 10, 100 << 10
	}
	return 60 << 10, mostOfHeaders
}

// headers adds a message's own headers, and how they are to be read again.
func (s server) headers(f *frame.Frame, h eip.Headers) error {
	one, all := s.longest()
	types := eip.Headers{}
	for name, v := range h {
		if isReserved(name) {
			continue
		}
		text, kind, err := encode(v)
		if err != nil {
			return eip.Permanent(fmt.Errorf("send: header %s: %w", name, err))
		}
		if kind != "" {
			types[name] = kind
		}
		f.Add(name, text)
	}
	if len(types) > 0 {
		text, _, err := encode(types)
		if err != nil {
			return eip.Permanent(err)
		}
		f.Add(ownTypes, text)
	}
	if s == rabbitmq {
		for _, name := range []string{"correlation-id", "reply-to", "type", "content-type", "content-encoding", "app-id"} {
			if n := len(f.Get(name)); n > mostOfProperty {
				return eip.Permanent(fmt.Errorf("send: its %s has %d bytes, and RabbitMQ takes %d", name, n, mostOfProperty))
			}
		}
	}
	size := 0
	for _, h := range f.Headers {
		if !utf8.ValidString(h.Name) || !utf8.ValidString(h.Value) {
			return eip.Permanent(fmt.Errorf("send: its %.40q is no UTF-8, as all headers of STOMP are", h.Name))
		}
		n := h.Size()
		if size += n; n > one || s == rabbitmq && len(h.Name) > mostOfProperty {
			return eip.Permanent(fmt.Errorf("send: its header %.40s has %d bytes, and the server takes %d", h.Name, n, one))
		}
	}
	if size > all {
		return eip.Permanent(fmt.Errorf("send: its headers have %d bytes, and the server takes %d", size, all))
	}
	return nil
}

// receive makes a message of a MESSAGE.
func (s server) receive(f *frame.Frame, channel string, settler eip.Settler) (*eip.Message, error) {
	m := eip.NewFor(f.Body, settler) // nobody else has it yet, so that it may be filled in
	m.Channel, m.Redelivered = channel, f.Get("redelivered") == "true"
	var types string
	own, persistent := false, false
	h := make(eip.Headers, len(f.Headers))
	seen := make(map[string]bool, len(f.Headers))
	if s == rabbitmq { // it puts properties behind a message's own headers of their names
		f = &frame.Frame{Headers: slices.Clone(f.Headers)}
		slices.Reverse(f.Headers)
	}
	for _, x := range f.Headers {
		if seen[x.Name] {
			continue
		}
		seen[x.Name] = true
		switch x.Name {
		case ownID:
			m.ID, own = x.Value, true
		case "amqp-message-id", "message-id":
			if !own && (x.Name == "amqp-message-id" || s != rabbitmq) { // RabbitMQ's is the delivery's
				m.ID = x.Value
			}
		case "correlation-id":
			m.CorrelationID = x.Value
		case "reply-to":
			m.ReplyTo = s.short(x.Value)
		case "type":
			m.Type = x.Value
		case "content-type":
			m.ContentType = x.Value
		case "content-encoding":
			m.Encoding = x.Value
		case "app-id":
			m.AppID = x.Value
		case ownKey:
			m.Key = x.Value
		case "persistent":
			persistent = x.Value == "true" || x.Value == "1"
		case ownTypes:
			types = x.Value
		default:
			if !isReserved(x.Name) {
				h[x.Name] = x.Value
			}
		}
	}
	if m.Delivery = eip.Transient; persistent {
		m.Delivery = eip.Persistent
	}
	s.times(m, f)
	if p, err := strconv.ParseUint(first(f, ownPriority, "priority"), 10, 8); err == nil {
		if _, exact := f.Lookup(ownPriority); exact || p != 4 || s == rabbitmq { // 4 is everybody's who says nothing
			m.Priority = uint8(p)
		}
	}
	m.Sequence = sequence.Read(func(name string) any { return f.Get(name) })
	err := restore(h, types)
	if h = h.FromOutside(); len(h) > 0 {
		m.Headers = h
	}
	return m, err
}

// first is the first header of these that there is.
func first(f *frame.Frame, names ...string) string {
	for _, name := range names {
		if v, ok := f.Lookup(name); ok {
			return v
		}
	}
	return ""
}

// times reads the timestamp and the expiration.
func (s server) times(m *eip.Message, f *frame.Frame) {
	_, fromOurs := f.Lookup(ownID)
	if t, err := parseTime(f.Get(ownTimestamp)); err == nil {
		m.Timestamp = t
	} else if n, err := strconv.ParseInt(f.Get("timestamp"), 10, 64); err == nil && n > 0 && !fromOurs {
		if s == rabbitmq {
			m.Timestamp = time.Unix(n, 0).UTC()
		} else {
			m.Timestamp = time.UnixMilli(n).UTC()
		}
	}
	if at := s.expires(f); at > 0 && !fromOurs {
		if m.Expiration = time.Until(time.UnixMilli(at)); m.Expiration <= 0 {
			m.Expiration = -1
		}
	}
	if n, err := strconv.ParseInt(first(f, ownExpiration, "expiration"), 10, 64); err == nil && n <= math.MaxInt64/int64(time.Millisecond) {
		if m.Expiration = time.Duration(n) * time.Millisecond; n <= 0 {
			m.Expiration = -1
		}
	}
}

// expiresHere is when a message that has come just now expires here. RabbitMQ tells only for
// how long it may wait, which is counted anew from then on.
func (s server) expiresHere(f *frame.Frame, now time.Time) int64 {
	n, err := strconv.ParseInt(f.Get("expiration"), 10, 64)
	if s != rabbitmq || err != nil || n <= 0 || n > longestLife {
		return s.expires(f)
	}
	return now.UnixMilli() + n
}

// expires is when the message expires, in milliseconds since 1970; 0: never, or nobody
// knows.
func (s server) expires(f *frame.Frame) int64 {
	at, err := strconv.ParseInt(f.Get("expires"), 10, 64)
	if err != nil || s == rabbitmq {
		return 0
	}
	return max(at, 0)
}
