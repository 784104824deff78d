package routing

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/store"
)

// mostValue is how large what parts are folded into may be.
const mostValue = 1 << 20

// join is the step of a part: it comes into its group, and closes it where that is then
// complete or full.
func (p *part) join(tx store.Tx) error {
	a := p.of
	a.begin(&p.noted, !p.message.CountsAt(a))
	if p.identity != "" {
		if had, _ := tx.Get(groupKey + p.group + p.identity); had != nil {
			a.note(&p.noted, func(c *counts) { c.duplicates++ })
			return tx.Err()
		}
	}
	g, err := a.load(tx, p.group)
	if err != nil {
		return err
	}
	if g != nil {
		if at, why := g.deadline(); !at.IsZero() && !at.After(p.at) {
			if err := g.close(&p.noted, p.at, why); err != nil {
				return err
			}
			g = nil
		}
	}
	if g == nil {
		if g, err = p.openGroup(tx); g == nil || err != nil {
			return err
		}
	}
	if err := g.add(p); err != nil {
		return err
	}
	why, err := g.closes(p)
	if err != nil {
		return err
	}
	if why != "" {
		return g.close(&p.noted, p.at, why)
	}
	return g.save()
}

// openGroup begins a group; nil: the part belongs to none.
func (p *part) openGroup(tx store.Tx) (*open, error) {
	a := p.of
	if until, _ := tx.Get(closedKey + p.group); until != nil && p.at.Before(timeOf(until)) {
		a.note(&p.noted, func(c *counts) { c.late++ })
		switch a.Late {
		case "discard":
			return nil, nil
		case "dead_letter":
			return nil, eip.Permanent(fmt.Errorf("it is late: the group %q was closed before", p.key))
		}
	}
	if n := a.opened(tx, 0); n >= a.MaxGroups.Load() {
		switch a.Full {
		case "dead_letter":
			return nil, eip.Permanent(fmt.Errorf("%d groups are open, and no more may be", n))
		case "oldest":
			if err := a.closeOldest(tx, &p.noted); err != nil {
				return nil, err
			}
		}
	}
	g := &open{of: a, tx: tx, hash: p.group}
	g.Number, g.Key, g.First, g.Test = tx.Next(), p.key, p.at.UnixNano(), p.test != ""
	if a.Fold.Of != nil {
		value, err := valueOf(p.initial)
		if err != nil {
			return nil, fmt.Errorf("initial: %w", err)
		}
		g.Value = value
	}
	tx.Put(openedKey+numberOf(g.Number), []byte(g.hash), time.Time{})
	a.opened(tx, 1)
	a.note(&p.noted, func(c *counts) { c.opened++ })
	return g, tx.Err()
}

// opened is how many groups are open, once it has changed by some.
func (a *Aggregator) opened(tx store.Tx, by int) int {
	n := groupsOf(tx) + by
	a.latest.Store(int64(n))
	if by != 0 {
		tx.Put(countKey, binary.AppendUvarint(nil, uint64(max(n, 0))), time.Time{})
	}
	return n
}

func groupsOf(r store.Reader) int {
	value, _ := r.Get(countKey)
	n, _ := binary.Uvarint(value)
	return int(n)
}

func timeOf(value []byte) time.Time {
	if len(value) != 8 {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(value)))
}

// valueOf is what fold has made, as it is kept.
func valueOf(v any) (json.RawMessage, error) {
	var kept json.RawMessage
	list, _, err := content.Encode([]any{v}) // which leaves text alone as it is
	if err == nil {
		kept = list[1 : len(list)-1]
	}
	if len(kept) > mostValue {
		err = fmt.Errorf("the group's value would have %d bytes, more than %d", len(kept), mostValue)
	}
	if err != nil {
		return nil, eip.Invalid(err)
	}
	return kept, nil
}

// add puts a part into the group.
func (g *open) add(p *part) error {
	g.Count++
	g.Bytes += int64(len(p.kept) - 1 - len(p.identity))
	g.Last = max(g.Last, p.at.UnixNano())
	g.Size = max(g.Size, p.message.Sequence.Size)
	if err := g.keepBase(p); err != nil {
		return err
	}
	folds := g.of.Fold.Of != nil
	if folds {
		v, err := g.of.Fold.Of(context.Background(), p.message, g.view(p.at, ""))
		if err == nil {
			g.Value, err = valueOf(v)
		}
		if err != nil {
			return fmt.Errorf("fold: %w", err)
		}
	}
	g.tx.Put(partKey+numberOf(g.Number)+numberOf(uint64(g.Count-1)), p.value(!folds), time.Time{})
	if p.identity != "" {
		g.tx.Put(groupKey+g.hash+p.identity, []byte(numberOf(g.Number)), time.Time{})
	} else {
		g.of.note(&p.noted, func(c *counts) { c.unidentified++ })
	}
	g.of.note(&p.noted, func(c *counts) { c.parts++ })
	return g.tx.Err()
}

// closes says what closes the group now that a part has come; "": nothing.
func (g *open) closes(p *part) (ClosedBy, error) {
	a := g.of
	switch size := a.Size.Load(); {
	case a.Complete.Of != nil:
		v, err := a.Complete.Of(context.Background(), p.message, g.view(p.at, ""))
		if err != nil {
			return "", fmt.Errorf("complete: %w", err)
		}
		done, ok := v.(bool)
		if !ok {
			return "", fmt.Errorf("complete: %w", eip.Invalid(errors.New("it is neither true nor false")))
		}
		if done {
			return ByComplete, nil
		}
		fallthrough
	default:
		switch {
		case a.Complete.Of == nil && a.Key == nil && g.Size > 0 && g.Count >= g.Size:
			return ByComplete, nil
		case size > 0 && g.Count >= size:
			return BySize, nil
		case g.Bytes >= int64(a.Bytes):
			return ByBytes, nil
		}
	}
	return "", nil
}

// deadline is when the group is to be closed, and what closes it then; the zero time:
// never.
func (g *open) deadline() (at time.Time, why ClosedBy) {
	first, last := time.Unix(0, g.First), time.Unix(0, g.Last)
	sooner := func(t time.Time, by ClosedBy) {
		if at.IsZero() || t.Before(at) {
			at, why = t, by
		}
	}
	if d := g.of.Timeout.Load(); d > 0 {
		sooner(first.Add(d), ByTimeout)
	}
	if d := g.of.IdleTimeout.Load(); d > 0 {
		sooner(last.Add(d), ByIdle)
	}
	if d := g.of.Every; d > 0 {
		sooner(first.Truncate(d).Add(d), ByEvery)
	}
	return at, why
}

// complete reports whether a group that is closed by this is complete.
func (a *Aggregator) complete(why ClosedBy) bool {
	return why == ByComplete || why == ByEnd || why == ByOperator || a.Complete.Of == nil && a.Key != nil
}

// close makes of the group what it becomes, and has its parts removed.
func (g *open) close(n *noted, now time.Time, why ClosedBy) error {
	a := g.of
	g.tx.Delete(groupKey + g.hash)
	g.tx.Delete(openedKey + numberOf(g.Number))
	a.opened(g.tx, -1)
	g.note(n, func(c *counts) { c.closed(why) })
	if !a.complete(why) && a.Incomplete == "discard" {
		g.note(n, func(c *counts) { c.discarded++ })
		return g.forget(now)
	}
	out, err := g.view(now, why).body(context.Background(), a.Body, g.base)
	switch {
	case err == nil:
	case eip.IsInvalid(err):
		return g.breakUp(n, now, err)
	default:
		return err
	}
	out = out.WithHeaders(eip.Headers{header.Group: g.Key, header.GroupCount: g.Count, header.ClosedBy: string(why)})
	if a.complete(why) || a.Incomplete == "release" {
		err = a.outbox.Put(g.tx, out, time.Time{})
	} else {
		err = a.outbox.Fail(g.tx, out, fmt.Errorf("the group %q is incomplete: it was closed by %s with %s", g.Key, why, g.extent()))
	}
	switch {
	case eip.IsPermanent(err): // it is too large to be kept, and would be tried for ever
		return g.breakUp(n, now, eip.Invalid(err))
	case err != nil:
		return err
	}
	g.note(n, func(c *counts) { c.outputs++ })
	return g.forget(now)
}

// note counts what becomes of the group. One of Test Messages counts for nothing.
func (g *open) note(n *noted, count func(*counts)) {
	if !g.Test {
		g.of.note(n, count)
	}
}

func (g *open) extent() string {
	if g.Size > 0 {
		return fmt.Sprintf("%d of %d parts", g.Count, g.Size)
	}
	return fmt.Sprintf("%d parts", g.Count)
}
