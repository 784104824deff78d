package amqp

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/eipd/eipd/eip"
)

// What the client library reads, with a little less than that for safety.
const (
	readableDepth    = 30
	readableElements = 8000
)

// readable reports whether the library reads a table, or a list, whose values have no
// names. It makes nothing.
func readable(b []byte, named bool, depth int) bool {
	for n := 0; len(b) > 0; n++ {
		if n >= readableElements || depth > readableDepth {
			return false
		}
		if named {
			at := 1 + int(b[0])
			if at >= len(b) {
				return false
			}
			b = b[at:]
		}
		kind := b[0]
		size := fixed[kind]
		b = b[1:]
		switch kind {
		case 'S', 'x', 'F', 'A':
			value, ok := sized(b)
			if !ok || kind != 'S' && kind != 'x' && !readable(value, kind == 'F', depth+1) {
				return false
			}
			size = 4 + len(value)
		case 'V':
		case 'L', 'U': // RabbitMQ has them
			return false
		default:
			if size == 0 {
				return false
			}
		}
		if size > len(b) {
			return false
		}
		b = b[size:]
	}
	return true
}

// sized returns the value that has its length before it.
func sized(b []byte) (value []byte, ok bool) {
	if len(b) < 4 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > len(b)-4 {
		return nil, false
	}
	return b[4 : 4+n], true
}

// fixed is how many bytes the values of a type have.
var fixed = [256]int{'t': 1, 'b': 1, 'B': 1, 's': 2, 'U': 2, 'u': 2, 'I': 4, 'i': 4, 'l': 8, 'L': 8, 'f': 4, 'd': 8, 'D': 5, 'T': 8}

var errTable = errors.New("its header table cannot be read")

// decodeTable decodes what the library does not.
func decodeTable(b []byte) (eip.Headers, error) {
	h := eip.Headers{}
	for len(b) > 0 {
		at := 1 + int(b[0])
		if at >= len(b) {
			return nil, errTable
		}
		v, size, err := decodeField(b[at], b[at+1:])
		if err != nil {
			return nil, err
		}
		h[string(b[1:at])] = v
		b = b[at+1+size:]
	}
	return h, nil
}

func decodeList(b []byte) ([]any, error) {
	list := []any{}
	for len(b) > 0 {
		v, size, err := decodeField(b[0], b[1:])
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		b = b[1+size:]
	}
	return list, nil
}

// decodeField decodes one value, and tells its size.
func decodeField(kind byte, b []byte) (v any, size int, err error) {
	switch kind {
	case 'V':
		return nil, 0, nil
	case 'S', 'x', 'F', 'A':
		value, ok := sized(b)
		if !ok {
			return nil, 0, errTable
		}
		switch kind {
		case 'S':
			v = string(value)
		case 'x':
			v = append([]byte{}, value...)
		case 'F':
			v, err = decodeTable(value)
		default:
			v, err = decodeList(value)
		}
		return v, 4 + len(value), err
	}
	size = fixed[kind]
	if size == 0 || size > len(b) {
		return nil, 0, errTable
	}
	return decodeScalar(kind, b), size, nil
}

func decodeScalar(kind byte, b []byte) any {
	switch kind {
	case 't':
		return b[0] != 0
	case 'b':
		return int8(b[0])
	case 'B':
		return b[0]
	case 's':
		return int16(binary.BigEndian.Uint16(b))
	case 'U':
		return int16(binary.BigEndian.Uint16(b))
	case 'u':
		return binary.BigEndian.Uint16(b)
	case 'I':
		return int32(binary.BigEndian.Uint32(b))
	case 'i':
		return binary.BigEndian.Uint32(b)
	case 'l':
		return int64(binary.BigEndian.Uint64(b))
	case 'L':
		return binary.BigEndian.Uint64(b)
	case 'f':
		return math.Float32frombits(binary.BigEndian.Uint32(b))
	case 'd':
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case 'D':
		return eip.Decimal{Scale: b[0], Value: int32(binary.BigEndian.Uint32(b[1:]))}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0).UTC() // 'T'
}
