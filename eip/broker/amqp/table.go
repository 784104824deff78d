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
	readableSurely   = 5 * readableDepth // bytes that can hold neither
)

// readable reports whether the library reads a table.
func readable(b []byte) bool {
	if len(b) <= readableSurely {
		return plain(b)
	}
	d := decoder{elements: readableElements, depth: readableDepth}
	_, err := d.table(b, 0)
	return err == nil && !d.odd
}

// plain is readable for small tables, and makes nothing.
func plain(b []byte) bool {
	for len(b) > 0 {
		n := 1 + int(b[0])
		if n >= len(b) {
			return false
		}
		kind := b[n]
		size := fixed[kind]
		b = b[n+1:]
		switch kind {
		case 'S', 'x', 'F', 'A':
			if len(b) < 4 {
				return false
			}
			size = 4 + int(binary.BigEndian.Uint32(b))
			if kind == 'F' || kind == 'A' { // rare: look closer
				d := decoder{elements: readableElements, depth: readableDepth}
				_, _, err := d.field(kind, b, 0)
				if err != nil || d.odd {
					return false
				}
			}
		case 'V':
		default:
			if size == 0 || kind == 'L' || kind == 'U' {
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

// fixed is how many bytes the values of a type have.
var fixed = [256]int{'t': 1, 'b': 1, 'B': 1, 's': 2, 'U': 2, 'u': 2, 'I': 4, 'i': 4, 'l': 8, 'L': 8, 'f': 4, 'd': 8, 'D': 5, 'T': 8}

var errTable = errors.New("its header table cannot be read")

// decodeTable decodes what the library does not.
func decodeTable(b []byte) (eip.Headers, error) {
	d := decoder{elements: math.MaxInt, depth: math.MaxInt}
	return d.table(b, 0)
}

// decoder decodes tables within limits.
type decoder struct {
	elements, depth int
	odd             bool // there was a type that the library does not know
}

func (d *decoder) table(b []byte, depth int) (eip.Headers, error) {
	h := eip.Headers{}
	for n := 0; len(b) > 0; n++ {
		at := 1 + int(b[0])
		if at >= len(b) || depth > d.depth || n >= d.elements {
			return nil, errTable
		}
		v, size, err := d.field(b[at], b[at+1:], depth)
		if err != nil {
			return nil, err
		}
		h[string(b[1:at])] = v
		b = b[at+1+size:]
	}
	return h, nil
}

func (d *decoder) list(b []byte, depth int) ([]any, error) {
	list := []any{}
	for len(b) > 0 {
		if depth > d.depth || len(list) >= d.elements {
			return nil, errTable
		}
		v, size, err := d.field(b[0], b[1:], depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		b = b[1+size:]
	}
	return list, nil
}

// field decodes one value, and tells its size.
func (d *decoder) field(kind byte, b []byte, depth int) (v any, size int, err error) {
	switch kind {
	case 'V':
		return nil, 0, nil
	case 'S', 'x', 'F', 'A':
		if len(b) < 4 {
			return nil, 0, errTable
		}
		n := int(binary.BigEndian.Uint32(b))
		if n > len(b)-4 {
			return nil, 0, errTable
		}
		switch b, size = b[4:4+n], 4+n; kind {
		case 'S':
			v = string(b)
		case 'x':
			v = append([]byte{}, b...)
		case 'F':
			v, err = d.table(b, depth+1)
		default:
			v, err = d.list(b, depth+1)
		}
		return v, size, err
	}
	size = fixed[kind]
	if size == 0 || size > len(b) {
		return nil, 0, errTable
	}
	return d.scalar(kind, b), size, nil
}

func (d *decoder) scalar(kind byte, b []byte) any {
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
		d.odd = true
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
		d.odd = true
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
