// Package wire is how a message is kept on disk: in the queues of the embedded broker,
// and where stages remember it.
package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/eipd/eipd/eip"
)

// A message on disk is, in this order:
//
//	version   1 byte
//	length    4 bytes: how long the fields are
//	fields    each a tag and a value; those that are zero are left out
//	body      the rest
//
// Numbers in fields are varints, signed ones zigzag; strings and byte slices have
// their length before them. What a message must not keep from one channel to the
// next (Redelivered, Channel) is not on disk.

const codecVersion = 1

const (
	// maxDepth is how deep headers may be nested.
	maxDepth = 512
	// MaxMessage is how large a message may be. bbolt takes twice as much.
	MaxMessage = 1 << 30
)

type tag byte

const (
	tagTimestamp tag = iota + mostTexts + 1 // those before are of texts
	tagExpiration
	tagPriority
	tagSequence
	tagHeaders
	tagDeadline // not the message's own: when it expires in its queue
	tagDelivery
	tagOuter // of the sequence, innermost first
)

const mostTexts = 9

// texts are the fields that are texts, in the order of their tags.
func texts(m *eip.Message) [mostTexts]*string {
	return [...]*string{&m.ID, &m.CorrelationID, &m.ReplyTo, &m.Type, &m.ContentType, &m.Encoding, &m.Key, &m.UserID, &m.AppID}
}

type kind byte

// The kinds of header values. Their numbers are in files: never change one.
const (
	kindNil kind = iota
	kindFalse
	kindTrue
	kindInt
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindFloat32
	kindFloat64
	kindString
	kindBytes
	kindTime
	kindDecimal
	kindHeaders
	kindList
)

const prefix = 1 + 4 // before the fields

// Encode appends m and its deadline to b. It fails on what cannot be kept.
func Encode(b []byte, m *eip.Message, deadline int64) ([]byte, error) {
	start := len(b)
	b = append(b, codecVersion, 0, 0, 0, 0)
	for i, text := range texts(m) {
		if *text != "" {
			b = appendString(append(b, byte(i+1)), *text)
		}
	}
	if !m.Timestamp.IsZero() {
		b = appendTime(append(b, byte(tagTimestamp)), m.Timestamp)
	}
	if m.Expiration != 0 {
		b = binary.AppendVarint(append(b, byte(tagExpiration)), int64(m.Expiration))
	}
	if m.Priority != 0 {
		b = append(b, byte(tagPriority), m.Priority)
	}
	if m.Delivery != eip.Unsaid {
		b = append(b, byte(tagDelivery), byte(m.Delivery))
	}
	if m.Sequence != (eip.Sequence{}) {
		t := tagSequence
		for s := &m.Sequence; s != nil; s = s.Outer {
			b = appendString(append(b, byte(t)), s.ID)
			b = binary.AppendVarint(binary.AppendVarint(b, int64(s.Number)), int64(s.Size))
			t = tagOuter
		}
	}
	if deadline != 0 {
		b = binary.AppendVarint(append(b, byte(tagDeadline)), deadline)
	}
	if m.Headers != nil {
		var err error
		if b, err = appendHeaders(append(b, byte(tagHeaders)), m.Headers, 0); err != nil {
			return nil, eip.Permanent(err)
		}
	}
	fields := len(b) - start - prefix
	if size := fields + len(m.Body()); size > MaxMessage {
		return nil, eip.Permanent(fmt.Errorf("the message has %d bytes; at most %d can be kept", size, MaxMessage))
	}
	binary.LittleEndian.PutUint32(b[start+1:], uint32(fields))
	return append(b, m.Body()...), nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
	if t.Location() == time.UTC {
		return append(b, 0)
	}
	_, offset := t.Zone()
	return binary.AppendVarint(append(b, 1), int64(offset))
}

func appendHeaders(b []byte, h eip.Headers, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the headers are nested deeper than %d", maxDepth)
	}
	b = binary.AppendUvarint(b, uint64(len(h)))
	for name, v := range h {
		var err error
		if b, err = appendValue(appendString(b, name), v, depth+1); err != nil {
			if depth == 0 {
				err = fmt.Errorf("header %q: %w", name, err)
			}
			return nil, err
		}
	}
	return b, nil
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	signed := func(k kind, n int64) ([]byte, error) { return binary.AppendVarint(append(b, byte(k)), n), nil }
	unsigned := func(k kind, n uint64) ([]byte, error) { return binary.AppendUvarint(append(b, byte(k)), n), nil }
	switch v := v.(type) {
	case nil:
		return append(b, byte(kindNil)), nil
	case bool:
		if v {
			return append(b, byte(kindTrue)), nil
		}
		return append(b, byte(kindFalse)), nil
	case int:
		return signed(kindInt, int64(v))
	case int8:
		return signed(kindInt8, int64(v))
	case int16:
		return signed(kindInt16, int64(v))
	case int32:
		return signed(kindInt32, int64(v))
	case int64:
		return signed(kindInt64, v)
	case uint:
		return unsigned(kindUint, uint64(v))
	case uint8:
		return unsigned(kindUint8, uint64(v))
	case uint16:
		return unsigned(kindUint16, uint64(v))
	case uint32:
		return unsigned(kindUint32, uint64(v))
	case uint64:
		return unsigned(kindUint64, v)
	case float32:
		return binary.LittleEndian.AppendUint32(append(b, byte(kindFloat32)), math.Float32bits(v)), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, byte(kindFloat64)), math.Float64bits(v)), nil
	case string:
		return appendString(append(b, byte(kindString)), v), nil
	case []byte:
		return append(binary.AppendUvarint(append(b, byte(kindBytes)), uint64(len(v))), v...), nil
	case time.Time:
		return appendTime(append(b, byte(kindTime)), v), nil
	case eip.Decimal:
		return binary.AppendVarint(append(b, byte(kindDecimal), v.Scale), int64(v.Value)), nil
	case eip.Headers:
		return appendHeaders(append(b, byte(kindHeaders)), v, depth)
	case map[string]any: // what expressions make
		return appendHeaders(append(b, byte(kindHeaders)), v, depth)
	case []any:
		return appendList(append(b, byte(kindList)), v, depth)
	}
	return nil, fmt.Errorf("a value of type %T cannot be kept", v)
}

func appendList(b []byte, list []any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the headers are nested deeper than %d", maxDepth)
	}
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, v := range list {
		var err error
		if b, err = appendValue(b, v, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}
