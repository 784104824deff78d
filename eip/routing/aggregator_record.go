package routing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

// What an Aggregator keeps, by how the keys begin. A group is named by the hash of its key,
// and each that was ever opened has a number.
//
//	g HASH          an open group; due when it is to be closed
//	g HASH IDENTITY the number of the group that has had the part, so near the group
//	o NUMBER        its hash: open groups in the order of opening
//	n               how many groups are open
//	p NUMBER PLACE  a part: its identity, and the message where it is kept
//	k HASH          a group of that key was closed; due when that is forgotten
//	r NUMBER PLACE  identities of parts of a closed group; due when they are forgotten
//	c NUMBER        a closed group whose parts are being removed; due at once
//	x NUMBER        one that cannot become a message, and is being taken apart; due at once
const (
	groupKey    = "g"
	openedKey   = "o"
	countKey    = "n"
	partKey     = "p"
	closedKey   = "k"
	rememberKey = "r"
	removeKey   = "c"
	breakKey    = "x"
)

// known refuses what was written before identities were near their groups: their parts would
// not be known as duplicates.
func known(r store.Reader) error {
	for range r.Range("i", "") {
		return errors.New("what is remembered was written by an earlier version, which kept it otherwise; have that version finish its groups, or forget it by removing the store")
	}
	return nil
}

const hashSize = 16

func hash(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = append(append(strconv.AppendInt(b, int64(len(text)), 10), ':'), text...)
	}
	sum := sha256.Sum256(b)
	return string(sum[:hashSize])
}

func numberOf(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// record is an open group.
type record struct {
	Number uint64          `json:"n"`
	Key    string          `json:"key"`
	Count  int             `json:"count"`
	Size   int             `json:"size,omitempty"`
	Bytes  int64           `json:"bytes"`
	First  int64           `json:"first"` // nanoseconds
	Last   int64           `json:"last"`
	Test   bool            `json:"test,omitempty"` // of Test Messages
	Value  json.RawMessage `json:"value,omitempty"`
	// Base is what is the same in all parts, as a message.
	Base []byte `json:"base"`
}

// open is an open group in a step.
type open struct {
	record
	of   *Aggregator
	tx   store.Tx
	hash string
	base *eip.Message // of Base
}

// load reads a group; nil: there is none.
func (a *Aggregator) load(tx store.Tx, hash string) (*open, error) {
	value, _ := tx.Get(groupKey + hash)
	if value == nil {
		return nil, tx.Err()
	}
	g := &open{of: a, tx: tx, hash: hash}
	err := json.Unmarshal(value, &g.record)
	if err == nil {
		g.base, _, err = wire.Decode(g.Base, nil)
	}
	if err != nil {
		return nil, eip.Permanent(fmt.Errorf("the group cannot be read: %w", err))
	}
	return g, nil
}

// save keeps the group, with the time at which it is to be closed.
func (g *open) save() error {
	value, err := json.Marshal(&g.record)
	if err != nil {
		return eip.Permanent(fmt.Errorf("keep group: %w", err))
	}
	due, _ := g.deadline()
	g.tx.Put(groupKey+g.hash, value, due)
	return g.tx.Err()
}

// keepBase leaves of the base what a part has too.
func (g *open) keepBase(p *part) (err error) {
	base := common(g.base, p.message)
	if base != g.base {
		g.base = base
		g.Base, err = wire.Encode(nil, base, 0)
	}
	return err
}

// common is what of a message without a body is the same in another; nil: all of that. The
// correlation identifier is that of the first, and the sequence the one that their own is a
// part of.
func common(base, m *eip.Message) *eip.Message {
	sequence := eip.Sequence{}
	if m.Sequence.Outer != nil {
		sequence = *m.Sequence.Outer
	}
	if base == nil {
		return eip.New(nil, nil).With(func(b *eip.Message) {
			b.CorrelationID, b.ReplyTo, b.Key, b.Priority, b.Delivery, b.Headers = m.CorrelationID, m.ReplyTo, m.Key, m.Priority, m.Delivery, m.Headers
			b.Sequence = sequence
		})
	}
	var differ []string
	for name, v := range base.Headers {
		if other, ok := m.Headers[name]; !ok || !reflect.DeepEqual(v, other) {
			differ = append(differ, name)
		}
	}
	same := reflect.DeepEqual(base.Sequence, sequence)
	if same && len(differ) == 0 && base.ReplyTo == m.ReplyTo && base.Key == m.Key && base.Priority == m.Priority && base.Delivery == m.Delivery {
		return base
	}
	return base.Without(differ...).With(func(b *eip.Message) {
		keepEqual(&b.ReplyTo, m.ReplyTo)
		keepEqual(&b.Key, m.Key)
		keepEqual(&b.Priority, m.Priority)
		keepEqual(&b.Delivery, m.Delivery)
		if !same {
			b.Sequence = eip.Sequence{}
		}
	})
}

func keepEqual[T comparable](v *T, other T) {
	if *v != other {
		var zero T
		*v = zero
	}
}

// view is the group as expressions and functions see it.
func (g *open) view(now time.Time, why ClosedBy) *Group {
	v := &Group{Key: g.Key, Count: g.Count, Size: g.Size, Bytes: g.Bytes, FirstAt: time.Unix(0, g.First), LastAt: time.Unix(0, g.Last), ClosedBy: why, Value: g.Value}
	v.Age = now.Sub(v.FirstAt)
	if g.of.Fold.Of == nil {
		v.parts = g.parts
	}
	return v
}

// parts reads some of them.
func (g *open) parts(from, to int) (all []*eip.Message, err error) {
	prefix := partKey + numberOf(g.Number)
	for key, value := range g.tx.Range(prefix, prefix+numberOf(uint64(from))) {
		if len(all) == to-from {
			break
		}
		_, kept, err := partOf(value)
		if err == nil {
			var m *eip.Message
			if m, _, err = wire.Decode(kept, nil); err == nil {
				all = append(all, m)
			}
		}
		if err != nil {
			return nil, eip.Permanent(fmt.Errorf("part %x of the group cannot be read: %w", key[len(prefix):], err))
		}
	}
	if err := g.tx.Err(); err != nil {
		return nil, err
	}
	if len(all) < to-from {
		return nil, eip.Permanent(fmt.Errorf("of the group's %d parts not all are there", g.Count))
	}
	return all, nil
}
