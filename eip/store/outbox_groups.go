package store

import (
	"context"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/wire"
)

// How much one step changes, so that others are not held up.
const (
	mostAtOnce = 1000
	mostRead   = 4 << 20 // bytes
)

// waiting is a message whose time has not come.
type waiting struct {
	key     string
	message *eip.Message
	at      time.Time
	size    int
}

// waiters returns messages whose time has not come, those first that are sent first: all,
// or those with a Message ID.
func (o *Outbox) waiters(id string, most int) (all []waiting, more bool, err error) {
	err = o.View(func(r Reader) error {
		now, size := o.env.Clock.Now(), 0
		for at, key := range r.Due() {
			if !at.After(now) || !strings.HasPrefix(key, sendsPrefix) {
				continue
			}
			value, _ := r.Get(key)
			m, _, err := wire.Decode(value, nil)
			if err != nil {
				continue // which is said when it is due
			}
			if id != "" && m.ID != id {
				continue
			}
			if more = len(all) == most || size > mostRead; more {
				return nil
			}
			size += len(value)
			all = append(all, waiting{key, m, at, len(value)})
		}
		return nil
	})
	return all, more, err
}

// Groups lists the messages whose time has not come by their Message IDs, as a [Lister]
// does.
func (o *Outbox) Groups(id string, most int) (all []Group, more bool, err error) {
	waiting, more, err := o.waiters(id, most)
	for _, w := range waiting {
		all = append(all, Group{Key: w.message.ID, Count: 1, Bytes: int64(w.size), ClosesAt: w.at, Test: w.message.IsTest(), Plain: true})
	}
	return all, more, err
}

// Release has messages be sent whose time has not come, as a [Releaser] does.
func (o *Outbox) Release(ctx context.Context, id string) (released int, err error) {
	return o.each(ctx, id, func(tx Tx, key string, value []byte) {
		tx.Put(key, append([]byte(nil), value...), time.Unix(0, 1))
	}, nil)
}

// Forget removes messages whose time has not come, as a [Lister] does.
func (o *Outbox) Forget(ctx context.Context, id string, save func([]any) error) (removed int, err error) {
	return o.each(ctx, id, func(tx Tx, key string, _ []byte) { tx.Delete(key) }, save)
}

// each changes the messages whose time has not come. What is sent meanwhile is left alone.
func (o *Outbox) each(ctx context.Context, id string, change func(tx Tx, key string, value []byte), save func([]any) error) (changed int, err error) {
	for more := true; more; {
		var some []waiting
		if some, more, err = o.waiters(id, mostAtOnce); err != nil {
			return changed, err
		}
		if save != nil {
			saved := make([]any, len(some))
			for i, w := range some {
				saved[i] = w.message
			}
			if err := save(saved); err != nil {
				return changed, err
			}
		}
		n := 0
		if err := o.Do(ctx, func(tx Tx) error {
			n = 0
			for _, w := range some {
				if value, due := tx.Get(w.key); value != nil && due.Equal(w.at) {
					change(tx, w.key, value)
					n++
				}
			}
			return tx.Err()
		}); err != nil {
			return changed, err
		}
		changed += n
	}
	if id != "" && changed == 0 {
		return 0, ErrNoGroup
	}
	return changed, nil
}
