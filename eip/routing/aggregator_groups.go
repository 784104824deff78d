package routing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

var _ store.Releaser = (*Aggregator)(nil)

// Groups returns the open groups, in the order in which they were opened.
func (a *Aggregator) Groups(key string, most int) (all []store.Group, more bool, err error) {
	err = a.outbox.View(func(r store.Reader) error {
		if key != "" {
			return a.list(r, hash("", key), &all)
		}
		for _, group := range r.Range(openedKey, "") {
			if more = len(all) == most; more {
				return nil
			}
			if err := a.list(r, string(group), &all); err != nil {
				return err
			}
		}
		return nil
	})
	return all, more, err
}

// list appends an open group, where there is one.
func (a *Aggregator) list(r store.Reader, hash string, to *[]store.Group) error {
	value, _ := r.Get(groupKey + hash)
	if value == nil {
		return nil
	}
	g := open{of: a}
	if err := json.Unmarshal(value, &g.record); err != nil {
		return fmt.Errorf("a group cannot be read: %w", err)
	}
	one := store.Group{Key: g.Key, Count: g.Count, Bytes: g.Bytes, Since: time.Unix(0, g.First), Test: g.Test, Plain: a.Key == nil}
	one.ClosesAt, _ = g.deadline()
	for _, value := range r.Range(partKey+numberOf(g.Number), "") {
		if _, kept, err := partOf(value); err == nil && len(kept) > 0 {
			one.Of, _, _ = wire.Decode(kept, nil)
		}
		break
	}
	*to = append(*to, one)
	return nil
}

// Release closes a group, or all that are open now: each is complete because somebody
// says so.
func (a *Aggregator) Release(ctx context.Context, key string) (released int, err error) {
	if key == "" {
		return a.releaseAll(ctx)
	}
	var n noted
	return 1, a.outbox.Do(ctx, func(tx store.Tx) error {
		a.begin(&n, false)
		g, err := a.load(tx, hash("", key))
		if g == nil && err == nil {
			err = store.ErrNoGroup
		}
		if err != nil {
			return err
		}
		return g.close(&n, a.env.Clock.Now(), ByOperator)
	})
}

func (a *Aggregator) releaseAll(ctx context.Context) (released int, err error) {
	most := 0
	if err = a.outbox.View(func(r store.Reader) error { most = groupsOf(r); return nil }); err != nil {
		return 0, err
	}
	for more := true; more && released < most; {
		n := 0
		if err := a.outbox.Do(ctx, func(tx store.Tx) (err error) {
			n = groupsOf(tx)
			more, err = a.closeSome(tx, ByOperator)
			n -= groupsOf(tx)
			return err
		}); err != nil {
			return released, err
		}
		released += n
	}
	return released, nil
}

// mostSavings is how often it is tried to save a group that goes on growing.
const mostSavings = 10

var errGrows = errors.New("parts keep coming; stop the flow's source first")

// Forget removes an open group with its parts, and what is known of those of the key that
// were closed, as if none of its parts had come.
func (a *Aggregator) Forget(ctx context.Context, key string, save func([]any) error) (removed int, err error) {
	group, known, saved := hash("", key), false, record{}
	for tries := 0; ; tries++ {
		if save != nil {
			if saved, err = a.saveGroup(group, saved, save); err != nil {
				return 0, err
			}
		}
		err = a.outbox.Do(ctx, func(tx store.Tx) error {
			removed = 0
			closed, _ := tx.Get(closedKey + group)
			known = closed != nil
			tx.Delete(closedKey + group)
			g, err := a.load(tx, group)
			if g == nil || err != nil {
				return err
			}
			if save != nil && (g.Number != saved.Number || g.Count != saved.Count) {
				return errGrows
			}
			known, removed = true, g.Count
			tx.Delete(groupKey + group)
			tx.Delete(openedKey + numberOf(g.Number))
			a.opened(tx, -1)
			return a.remove(tx, removeKey, numberOf(g.Number), removal{Hash: []byte(group)})
		})
		switch {
		case errors.Is(err, errGrows) && tries < mostSavings:
			continue
		case err == nil && !known:
			err = store.ErrNoGroup
		case err == nil:
			err = a.forgetIdentities(ctx, group)
		}
		return removed, err
	}
}

// saveGroup saves what has come into a group since it was saved last, and returns what it
// is now.
func (a *Aggregator) saveGroup(group string, before record, save func([]any) error) (now record, err error) {
	for {
		var some []any
		more := false
		err := a.outbox.View(func(r store.Reader) (err error) {
			value, _ := r.Get(groupKey + group)
			if value == nil {
				return nil
			}
			if err := json.Unmarshal(value, &now); err != nil {
				return fmt.Errorf("the group cannot be read: %w", err)
			}
			if now.Number != before.Number {
				before = record{Number: now.Number}
			}
			if a.Fold.Of != nil && now.Count != before.Count {
				base, _, err := wire.Decode(now.Base, nil)
				if err == nil {
					some = []any{base.WithBody(now.Value).With(asJSON).WithHeader(header.Group, now.Key)}
				}
				return err
			}
			some, more, err = partsFrom(r, now.Number, before.Count)
			return err
		})
		if err == nil && len(some) > 0 {
			err = save(some)
		}
		if err != nil || !more {
			return now, err
		}
		before.Count += len(some)
	}
}

// partsFrom reads parts of a group, as many as one may have at once.
func partsFrom(r store.Reader, number uint64, from int) (all []any, more bool, err error) {
	prefix, size := partKey+numberOf(number), 0
	for _, value := range r.Range(prefix, prefix+numberOf(uint64(from))) {
		if more = size > mostMade; more {
			break
		}
		_, kept, err := partOf(value)
		if err != nil {
			return nil, false, err
		}
		m, _, err := wire.Decode(kept, nil)
		if err != nil {
			return nil, false, fmt.Errorf("a part of the group cannot be read: %w", err)
		}
		all, size = append(all, m), size+len(value)
	}
	return all, more, nil
}

// forgetIdentities removes what is known of parts of closed groups of a key.
func (a *Aggregator) forgetIdentities(ctx context.Context, group string) error {
	from := groupKey + group + "\x00" // behind the group itself
	for more := true; more; {
		if err := a.outbox.Do(ctx, func(tx store.Tx) error {
			g, err := a.load(tx, group) // one that was opened meanwhile
			if err != nil {
				return err
			}
			var keys []string
			at, looked := from, 0
			for key, number := range tx.Range(groupKey+group, from) {
				if looked == mostRemoved {
					break
				}
				at, looked = key, looked+1
				if g == nil || string(number) != numberOf(g.Number) {
					keys = append(keys, key)
				}
			}
			for _, key := range keys {
				tx.Delete(key)
			}
			more = looked == mostRemoved
			from = at
			return tx.Err()
		}); err != nil {
			return err
		}
	}
	return nil
}
