package routing

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/instant"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

// How much one step does at most, so that others are not held up.
const (
	mostRemoved = 1000
	mostBroken  = 100
	mostClosed  = 100
	mostMade    = 16 << 20 // bytes of parts
)

// due does what a key is due for.
func (a *Aggregator) due(tx store.Tx, key string) error {
	now := a.env.Clock.Now()
	var n noted
	a.begin(&n, false)
	switch what, rest := key[:1], key[1:]; what {
	case groupKey:
		g, err := a.load(tx, rest)
		if err != nil || g == nil {
			return err
		}
		if at, why := g.deadline(); !at.IsZero() && !at.After(now) {
			return g.close(&n, now, why)
		}
		return g.save() // the time-outs were set anew
	case closedKey:
		tx.Delete(key)
	case rememberKey:
		value, _ := tx.Get(key)
		forgetParts(tx, rest[:8], value)
		tx.Delete(key)
	case removeKey, breakKey:
		value, _ := tx.Get(key)
		var r removal
		if err := json.Unmarshal(value, &r); err != nil {
			return fmt.Errorf("what is left of a group cannot be read: %w", err)
		}
		return a.remove(tx, what, rest, r)
	default:
		return fmt.Errorf("the key %q is not known", key)
	}
	return tx.Err()
}

// forgetParts forgets identities of a group: its hash, and they, are in value.
func forgetParts(tx store.Tx, number string, value []byte) {
	if len(value) < hashSize {
		return
	}
	group := string(value[:hashSize])
	rest, identity := value[hashSize:], ""
	for ok := true; ok; {
		if identity, rest, ok = cutIdentity(rest); !ok {
			return
		}
		key := groupKey + group + identity
		if of, _ := tx.Get(key); string(of) == number {
			tx.Delete(key)
		}
	}
}

// removal is what is left of a group that is closed, or broken up.
type removal struct {
	Hash  []byte `json:"hash"`
	Key   string `json:"key,omitempty"`
	Until int64  `json:"until,omitempty"` // remembered, in nanoseconds; 0: not at all
	Why   string `json:"why,omitempty"`   // it is broken up
}

// forget removes the parts of a group that is closed, and remembers for a while what they
// were.
func (g *open) forget(now time.Time) error {
	r := removal{Hash: []byte(g.hash)}
	if keep := g.of.Remember; keep > 0 {
		until := now.Add(keep)
		r.Until = instant.Nanoseconds(until)
		g.tx.Put(closedKey+g.hash, []byte(numberOf(uint64(r.Until))), until)
	}
	return g.of.remove(g.tx, removeKey, numberOf(g.Number), r)
}

// breakUp makes invalid messages of the parts of a group that cannot become one.
func (g *open) breakUp(n *noted, now time.Time, why error) error {
	if g.of.Fold.Of != nil {
		m := g.base.WithBody(g.Value).With(asJSON).WithHeader(header.Group, g.Key)
		if err := g.of.outbox.Fail(g.tx, m, why); err != nil {
			return err
		}
		return g.forget(now)
	}
	g.note(n, func(c *counts) { c.broken++ })
	return g.of.remove(g.tx, breakKey, numberOf(g.Number), removal{Hash: []byte(g.hash), Key: g.Key, Why: why.Error()})
}

// remove removes some parts, and has the rest be due.
func (a *Aggregator) remove(tx store.Tx, what, number string, r removal) error {
	most, prefix := mostRemoved, partKey+number
	if what == breakKey {
		most = mostBroken
	}
	var keys []string
	var values [][]byte
	size := 0
	for key, value := range tx.Range(prefix, "") {
		if len(keys) == most || what == breakKey && size > mostMade {
			break
		}
		keys, values = append(keys, key), append(values, append([]byte(nil), value[:max(0, min(len(value), partRead(what)))]...))
		size += len(value)
	}
	identities := append([]byte(nil), r.Hash...)
	for i, key := range keys {
		identity, message, err := partOf(values[i])
		if err != nil {
			return err
		}
		if what == breakKey {
			if err := a.failPart(tx, message, r); err != nil {
				return err
			}
		}
		if identity != "" {
			identities = appendIdentity(identities, identity)
		}
		tx.Delete(key)
	}
	switch {
	case len(identities) == hashSize:
	case r.Until == 0:
		forgetParts(tx, number, identities)
	default:
		tx.Put(rememberKey+number+keys[0][len(prefix):], identities, time.Unix(0, r.Until))
	}
	if len(keys) < most && size <= mostMade || len(keys) == 0 {
		tx.Delete(what + number)
		return tx.Err()
	}
	rest, err := json.Marshal(r)
	if err != nil {
		return eip.Permanent(err)
	}
	tx.Put(what+number, rest, time.Unix(0, 1))
	return tx.Err()
}

// partRead is how much of a part is needed to remove it: its identity.
func partRead(what string) int {
	if what == breakKey {
		return wire.MaxMessage
	}
	return 256
}

// failPart makes an invalid message of a part.
func (a *Aggregator) failPart(tx store.Tx, message []byte, r removal) error {
	m, _, err := wire.Decode(message, nil)
	if err != nil {
		return eip.Permanent(fmt.Errorf("a part of the group cannot be read: %w", err))
	}
	return a.outbox.Fail(tx, m.WithHeader(header.Group, r.Key), eip.Invalid(errors.New(r.Why)))
}

// closeSome closes some groups, and reports whether there are more.
func (a *Aggregator) closeSome(tx store.Tx, why ClosedBy) (more bool, err error) {
	var hashes []string
	for _, hash := range tx.Range(openedKey, "") {
		if hashes = append(hashes, string(hash)); len(hashes) == mostClosed {
			break
		}
	}
	var n noted
	a.begin(&n, false)
	size := int64(0)
	for i, hash := range hashes {
		g, err := a.load(tx, hash)
		if err != nil {
			return false, err
		}
		if g == nil {
			return false, eip.Permanent(errors.New("a group is not there that was opened"))
		}
		if size += g.Bytes; i > 0 && size > mostMade {
			return true, nil
		}
		if err := g.close(&n, a.env.Clock.Now(), why); err != nil {
			return false, err
		}
	}
	return len(hashes) > 0, tx.Err()
}

// closeOldest makes room for a group.
func (a *Aggregator) closeOldest(tx store.Tx, n *noted) error {
	oldest := ""
	for _, hash := range tx.Range(openedKey, "") {
		oldest = string(hash)
		break
	}
	g, err := a.load(tx, oldest)
	if err != nil || g == nil {
		return err
	}
	return g.close(n, a.env.Clock.Now(), ByFull)
}

// oldest is when the oldest open group began; the zero time: there is none.
func (a *Aggregator) oldest(r store.Reader) time.Time {
	for _, hash := range r.Range(openedKey, "") {
		value, _ := r.Get(groupKey + string(hash))
		var g record
		if json.Unmarshal(value, &g) == nil && g.First != 0 {
			return time.Unix(0, g.First)
		}
		break
	}
	return time.Time{}
}
