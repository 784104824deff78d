// Package sequence is how brokers that do not know the Message Sequence carry it: in
// headers of eipd's own.
package sequence

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// MaxOuter is how many larger wholes a message says that its own is a part of.
const MaxOuter = 8

// Write calls add with the headers that say s. Numbers are int64. What is beyond MaxOuter
// is left out.
func Write(s eip.Sequence, add func(name string, value any)) {
	if s.ID != "" {
		add(header.SequenceID, s.ID)
	}
	if s.Number > 0 {
		add(header.SequenceNumber, int64(s.Number))
	}
	if s.Size > 0 {
		add(header.SequenceSize, int64(s.Size))
	}
	var outer [][3]any
	for o := s.Outer; o != nil && len(outer) < MaxOuter && utf8.ValidString(o.ID); o = o.Outer {
		outer = append(outer, [3]any{o.ID, max(0, o.Number), max(0, o.Size)})
	}
	if outer != nil {
		text, _ := json.Marshal(outer) // of texts and whole numbers
		add(header.SequenceOuter, string(text))
	}
}

// Read returns the sequence that headers say; get returns nil for one that is not there.
// Where one of them is not what Write writes, the message is of no sequence: half of one
// would put parts into wrong wholes.
func Read(get func(name string) any) eip.Sequence {
	id, isText := text(get(header.SequenceID))
	number, isNumber := whole(get(header.SequenceNumber))
	size, isSize := whole(get(header.SequenceSize))
	outer, isList := outer(get(header.SequenceOuter))
	if !isText || !isNumber || !isSize || !isList {
		return eip.Sequence{}
	}
	return eip.Sequence{ID: id, Number: number, Size: size, Outer: outer}
}

func text(v any) (string, bool) {
	if v == nil {
		return "", true
	}
	s, ok := v.(string)
	return s, ok
}

// whole reads a number of any kind that clients have for it.
func whole(v any) (int, bool) {
	switch r := reflect.ValueOf(v); {
	case v == nil, v == "":
		return 0, true
	case r.Kind() == reflect.String:
		n, err := strconv.ParseUint(r.String(), 10, strconv.IntSize-1)
		return int(n), err == nil
	case r.CanInt():
		return int(r.Int()), r.Int() >= 0 && r.Int() <= math.MaxInt
	case r.CanUint():
		return int(r.Uint()), r.Uint() <= math.MaxInt
	}
	return 0, false
}

func outer(v any) (*eip.Sequence, bool) {
	s, ok := text(v)
	if !ok || s == "" {
		return nil, ok
	}
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	var list [][]any
	if d.Decode(&list) != nil || d.More() || len(list) > MaxOuter || !utf8.ValidString(s) {
		return nil, false
	}
	var first *eip.Sequence
	at := &first
	for _, entry := range list {
		if len(entry) != 3 {
			return nil, false
		}
		id, isText := entry[0].(string)
		number, isNumber := entry[1].(json.Number)
		size, isSize := entry[2].(json.Number)
		if !isText || !isNumber || !isSize {
			return nil, false
		}
		n, isNumber := whole(number)
		z, isSize := whole(size)
		if !isNumber || !isSize {
			return nil, false
		}
		*at = &eip.Sequence{ID: id, Number: n, Size: z}
		at = &(*at).Outer
	}
	return first, true
}

// Outer is s, of which a message is a part, as what its own parts have outside of theirs; nil
// where it is of none. What is beyond MaxOuter is left out.
func Outer(s eip.Sequence) *eip.Sequence {
	if s == (eip.Sequence{}) {
		return nil
	}
	first := s
	last := &first
	for range MaxOuter - 1 {
		if last.Outer == nil {
			return &first
		}
		next := *last.Outer
		last.Outer = &next
		last = &next
	}
	last.Outer = nil
	return &first
}
