package content

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// Elements returns how many elements the list at a path of keys in a JSON text has, and
// the elements as they are written, parts of body. Where a key repeats, the last one
// counts. All of the text is looked at first, and nothing of it is decoded.
func Elements(body []byte, path []string) (n int, elements iter.Seq[[]byte], err error) {
	if err := CheckJSON(body); err != nil {
		return 0, nil, err
	}
	list := listText{body}
	start, err := list.find(path)
	if err != nil {
		return 0, nil, err
	}
	elements = func(yield func([]byte) bool) {
		for i := list.space(start + 1); body[i] != ']'; {
			end := list.end(i)
			if !yield(body[i:end:end]) {
				return
			}
			if i = list.space(end); body[i] == ',' {
				i = list.space(i + 1)
			}
		}
	}
	for range elements {
		n++
	}
	return n, elements, nil
}

// Members returns the members of the map that a JSON text is, as they are written, parts of
// body: each key, as often as it is there, and its value. All of the text is looked at first.
func Members(body []byte) (iter.Seq2[string, []byte], error) {
	if err := CheckJSON(body); err != nil {
		return nil, err
	}
	t := listText{body}
	start := t.space(0)
	if body[start] != '{' {
		return nil, fmt.Errorf("it is %s and no map", t.kind(start))
	}
	return func(yield func(string, []byte) bool) {
		for key, i := range t.members(start) {
			if end := t.end(i); !yield(key, body[i:end:end]) {
				return
			}
		}
	}, nil
}

// CheckJSON is why DecodeJSON would not read a text; nil where it would.
func CheckJSON(body []byte) error {
	if i := invalidUTF8(body); i >= 0 {
		return fmt.Errorf("invalid UTF-8 at %s", position(body, i))
	}
	if !json.Valid(body) {
		return whereJSON(json.Unmarshal(body, new(json.RawMessage)), body) // which reads no further
	}
	if i := halfPair(body); i >= 0 {
		return fmt.Errorf("half of a surrogate pair at %s", position(body, i))
	}
	return nil
}

// listText is a JSON text that is valid.
type listText struct{ text []byte }

// find returns where the list at a path begins.
func (t listText) find(path []string) (int, error) {
	i := t.space(0)
	for depth, key := range path {
		if t.text[i] != '{' {
			return 0, fmt.Errorf("%s is %s and has no member %s", name(path[:depth]), t.kind(i), key)
		}
		if i = t.member(i, key); i < 0 {
			return 0, fmt.Errorf("%s has no member %s", name(path[:depth]), key)
		}
	}
	if t.text[i] != '[' {
		return 0, fmt.Errorf("%s is %s and no list", name(path), t.kind(i))
	}
	return i, nil
}

func name(path []string) string { return strings.Join(append([]string{"body"}, path...), ".") }

// member returns where the value of a key begins in the object at i; -1 where there is none.
func (t listText) member(i int, key string) int {
	found := -1
	for name, at := range t.members(i) {
		if name == key {
			found = at
		}
	}
	return found
}

// Member returns the value of a key in a map as it is written in text, which is valid JSON;
// nil where it is not there. Where a key repeats, the last one counts.
func Member(text []byte, key string) []byte {
	t := listText{text}
	if i := t.space(0); text[i] == '{' {
		if i = t.member(i, key); i >= 0 {
			return text[i:t.end(i)]
		}
	}
	return nil
}

// members yields the keys of the map at i, and where their values begin.
func (t listText) members(i int) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for i = t.space(i + 1); t.text[i] != '}'; {
			end := t.end(i)
			key := t.key(i, end)
			if i = t.space(t.space(end) + 1); !yield(key, i) {
				return
			}
			if i = t.space(t.end(i)); t.text[i] == ',' {
				i = t.space(i + 1)
			}
		}
	}
}

func (t listText) key(start, end int) (key string) {
	text := t.text[start:end]
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1])
	}
	_ = json.Unmarshal(text, &key) // which is valid
	return key
}

// space returns where what follows blanks begins.
func (t listText) space(i int) int {
	for i < len(t.text) && (t.text[i] == ' ' || t.text[i] == '\n' || t.text[i] == '\r' || t.text[i] == '\t') {
		i++
	}
	return i
}

// end returns where the value that begins at i ends.
func (t listText) end(i int) int {
	depth := 0
	for ; i < len(t.text); i++ {
		switch t.text[i] {
		case '"':
			for i++; t.text[i] != '"'; i++ {
				if t.text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth == 0 { // around a number or word
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

func (t listText) kind(i int) string {
	switch t.text[i] {
	case '{':
		return "a map"
	case '[':
		return "a list"
	case '"':
		return "text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "nil"
	}
	return "a number"
}
