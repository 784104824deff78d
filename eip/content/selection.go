package content

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// A Selection is a set of members of JSON texts, by their paths. Where a path comes to a
// list, it goes on in each element. It is safe for concurrent use.
type Selection struct {
	whole bool // it is in the set itself, with all that is in it
	in    map[string]*Selection
}

// Select makes a Selection of paths, each the keys that lead to a member with dots between
// them.
func Select(paths ...string) (*Selection, error) {
	s := &Selection{}
	for _, p := range paths {
		at := s
		for key := range strings.SplitSeq(p, ".") {
			if key == "" {
				return nil, fmt.Errorf("%q has an empty key in it", p)
			}
			next := at.in[key]
			if next == nil {
				next = &Selection{}
				if at.in == nil {
					at.in = map[string]*Selection{}
				}
				at.in[key] = next
			}
			at = next
		}
		at.whole = true
	}
	return s, nil
}

// Keep returns a JSON text with only what is selected, and what that is in. Whatever else
// there is beside it goes, also what stands in the place of a map or list on the way. A text
// that is neither has nothing to select, which is an error.
func (s *Selection) Keep(text []byte) ([]byte, error) {
	c, i, err := s.cut(text, true)
	if err != nil {
		return nil, err
	}
	if !isFilled(text[i]) {
		return nil, errors.New("it is " + c.kind(i) + " and has no members")
	}
	c.filled(i, s)
	return c.rest(), nil
}

// Without returns a JSON text without what is selected.
func (s *Selection) Without(text []byte) ([]byte, error) {
	c, i, err := s.cut(text, false)
	if err == nil && isFilled(text[i]) {
		c.filled(i, s)
	}
	return c.rest(), err
}

// cut begins to cut a text, of which nothing is decoded: all that stays is as it was, to
// the last blank, and in its order.
func (s *Selection) cut(text []byte, keep bool) (c *cutter, start int, err error) {
	c = &cutter{listText: listText{text}, keep: keep}
	if err := CheckJSON(text); err != nil {
		return c, 0, err
	}
	return c, c.space(0), nil
}

// A cutter copies a text but for what is cut out of it.
type cutter struct {
	listText
	keep   bool
	out    []byte
	copied int // how much of text is in out, or cut
}

func (c *cutter) drop(from, to int) {
	if c.out == nil {
		c.out = make([]byte, 0, len(c.text))
	}
	if from > c.copied {
		c.out = append(c.out, c.text[c.copied:from]...)
	}
	c.copied = to
}

// rest returns what has not been cut.
func (c *cutter) rest() []byte {
	if c.out == nil {
		return c.text
	}
	return append(c.out, c.text[c.copied:]...)
}

func isFilled(first byte) bool { return first == '{' || first == '[' }

// filled cuts members out of the map or list at i, and returns where that ends. With a
// member goes the comma before it, or behind it where none before it stays.
func (c *cutter) filled(i int, s *Selection) int {
	isMap := c.text[i] == '{'
	last := -1 // where the last that stays ends
	for i = c.space(i + 1); c.text[i] != ']' && c.text[i] != '}'; {
		start, of := i, s
		if isMap {
			end := c.end(i)
			of = s.member(c.listText, i, end)
			i = c.space(c.space(end) + 1)
		}
		inner := of != nil && !of.whole && isFilled(c.text[i])
		stays := of == nil || !of.whole
		if c.keep {
			stays = of != nil && of.whole || inner
		}
		if inner {
			i = c.filled(i, of)
		} else {
			i = c.end(i)
		}
		end := i
		if i = c.space(i); c.text[i] == ',' {
			i = c.space(i + 1)
		}
		switch {
		case stays:
			last = end
		case last >= 0:
			c.drop(last, end)
		case c.text[i] == ']' || c.text[i] == '}':
			c.drop(start, end)
		default:
			c.drop(start, i)
		}
	}
	return i + 1
}

// member is what is selected of the member whose key is written from start to end.
func (s *Selection) member(t listText, start, end int) *Selection {
	if key := t.text[start+1 : end-1]; bytes.IndexByte(key, '\\') < 0 {
		return s.in[string(key)]
	}
	return s.in[t.key(start, end)]
}
