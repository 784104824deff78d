package endpoint

import (
	"context"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

var _ store.Lister = (*IdempotentReceiver)(nil)

// Groups returns the keys that are remembered, those first that are forgotten first. A
// long one is shown as # and its checksum.
func (r *IdempotentReceiver) Groups(key string, most int) (all []store.Group, more bool, err error) {
	s := r.keys.in()
	if s == nil {
		return nil, false, eip.ErrNotRunning
	}
	now := r.keys.clock.Now()
	add := func(kept string, end time.Time) {
		all = append(all, store.Group{Key: strings.TrimPrefix(kept[1:], "="), ClosesAt: end, Test: kept[:1] == testKey, Plain: r.Key == nil})
	}
	err = s.View(func(tx store.Reader) error {
		if key != "" {
			if kept := keptAs(tx, key); kept != "" {
				_, end := tx.Get(kept)
				add(kept, end)
			}
			return nil
		}
		for end, kept := range tx.Due() {
			if !end.After(now) {
				continue
			}
			if more = len(all) == most; more {
				return nil
			}
			add(kept, end)
		}
		return nil
	})
	return all, more, err
}

// keptAs finds what a business message's key is kept as, of which that or what Groups
// shows is given; "": it is not.
func keptAs(tx store.Reader, key string) string {
	for _, kept := range []string{keptText(businessKey, key), businessKey + key} {
		if kept == businessKey+key && key[0] != '#' || len(kept) > store.MaxKey {
			continue
		}
		if was, _ := tx.Get(kept); was != nil {
			return kept
		}
	}
	return ""
}

// Forget has messages of a key pass again.
func (r *IdempotentReceiver) Forget(ctx context.Context, key string, save func([]any) error) (removed int, err error) {
	if _, err := store.Known(r, key, save); err != nil {
		return 0, err
	}
	s := r.keys.in()
	if s == nil {
		return 0, eip.ErrNotRunning
	}
	return 1, store.Do(ctx, s, func(tx store.Tx) error {
		kept := keptAs(tx, key)
		if kept == "" {
			return store.ErrNoGroup
		}
		tx.Delete(kept)
		n, forgotten := readCounts(tx)
		writeCounts(tx, n-1, forgotten)
		return tx.Err()
	})
}
