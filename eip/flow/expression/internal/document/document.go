// Package document reads members of a JSON text on demand. The text is checked
// whole, once, in one pass that also notes where the members of the outermost
// object are; what an expression asks for is then decoded alone, and remembered
// for whoever asks next.
//
// What is read is what decoding all of the text would have given: of keys that
// repeat the last counts, and numbers are what content.ParseNumber makes of them.
package document

import (
	"math"
	"strconv"
	"sync"
	"unique"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/footprint"
)

// A Path is a chain of keys, compiled once.
type Path struct {
	Keys []string
	id   unique.Handle[string] // equal paths of different expressions share it
}

// NewPath makes a path of at least one key.
func NewPath(keys ...string) *Path {
	var id []byte
	for _, k := range keys {
		id = strconv.AppendInt(id, int64(len(k)), 10)
		id = append(append(id, ':'), k...)
	}
	return &Path{Keys: keys, id: unique.Make(string(id))}
}

// A Document is a JSON text that has been found to be valid. It is safe for
// concurrent use, and must not be copied.
type Document struct {
	root       []byte   // the text without white space around it
	keys       []uint32 // where the keys of root are, if it is an object
	escapedKey bool

	mu    sync.Mutex
	whole box
	found []found
	taken int // by what is decoded

	// The first that found and keys hold, so that few need no allocation.
	firstFound [3]found
	firstKeys  [32]uint32
}

// found is what a path led to.
type found struct {
	path  unique.Handle[string]
	steps int
	box   box
}

// box keeps a value, decoded once somebody wants it.
type box struct {
	raw         []byte // nil: null
	value       any
	full, exact bool
}

// smallText is what is cheaper to decode than to look through first.
const smallText = 4 << 10

// decode fills a box, and counts among what m takes what that takes.
func (d *Document) decode(b *box, m *eip.Message) error {
	if b.full || b.raw == nil {
		return nil
	}
	n := len(b.raw)
	if b.raw[0] == '{' || b.raw[0] == '[' {
		if n *= 64; len(b.raw) > smallText {
			n = footprint.Of(b.raw)
		}
	}
	if n > footprint.Most-d.taken {
		return footprint.ErrMost
	}
	d.taken += n
	if n > smallText*64 && m != nil {
		m.Charge(int64(n))
	}
	b.value, b.exact = decode(b.raw)
	b.full = true
	return nil
}

// Parse checks a JSON text, which must not be changed afterwards.
func Parse(src []byte) (*Document, error) {
	d := &Document{}
	return d, d.Init(src)
}

// Init is Parse for a Document that is part of something.
func (d *Document) Init(src []byte) error {
	if uint64(len(src)) > math.MaxUint32 {
		return errLarge
	}
	s := scanner{src: src, keys: d.firstKeys[:0]}
	start, end, err := s.scan()
	if err != nil {
		return err
	}
	for i := range s.keys {
		s.keys[i] -= uint32(start)
	}
	d.root, d.keys, d.escapedKey, d.found = src[start:end], s.keys, s.escapedKey, d.firstFound[:0]
	d.whole.raw = d.root
	return nil
}

// Any follows a path, decodes what is there, and counts it among what m takes. steps is
// how many of the path's keys could be looked up: where it is less than all, v is what
// lacks members, be it null or no object. A key that an object lacks gives null. exact
// says that there is a json.Number in v.
func (d *Document) Any(p *Path, m *eip.Message) (v any, steps int, exact bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.get(p)
	err = d.decode(&f.box, m)
	return f.box.value, f.steps, f.box.exact, err
}

func (d *Document) get(p *Path) *found {
	for i := range d.found {
		if d.found[i].path == p.id {
			return &d.found[i]
		}
	}
	raw, steps := d.walk(p.Keys)
	d.found = append(d.found, found{path: p.id, steps: steps, box: box{raw: raw}})
	return &d.found[len(d.found)-1]
}

func (d *Document) walk(keys []string) (raw []byte, steps int) {
	if d.root[0] != '{' {
		return d.root, 0
	}
	raw = lookup(d.root, d.keys, d.escapedKey, keys[0])
	for steps = 1; raw != nil; steps++ {
		if steps == len(keys) || raw[0] != '{' {
			return raw, steps
		}
		var some [64]uint32
		s := scanner{src: raw, keys: some[:0]}
		s.object(0, 1, true)
		raw = lookup(raw, s.keys, s.escapedKey, keys[steps])
	}
	return nil, steps
}

// lookup returns the value of an object's last member of a key, the one that counts
// where keys repeat; nil where there is none.
func lookup(object []byte, keys []uint32, escaped bool, key string) []byte {
	s := scanner{src: object}
	for i := len(keys) - 1; i >= 0; i-- {
		start := int(keys[i])
		end := start + len(key)
		if escaped {
			end = closing(object, start)
			if unquote(object[start:end]) != key {
				continue
			}
		} else if end >= len(object) || object[end] != '"' || string(object[start:end]) != key {
			continue
		}
		value := space(s.src, space(s.src, end+1)+1)
		return object[value:s.value(value, 0)]
	}
	return nil
}

// Whole is Any for all of the text.
func (d *Document) Whole(m *eip.Message) (v any, exact bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.decode(&d.whole, m)
	return d.whole.value, d.whole.exact, err
}
