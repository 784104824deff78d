package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

// keys are what an IdempotentReceiver remembers: each is due when it is to be forgotten.
type keys struct {
	clock eip.Clock
	log   *slog.Logger
	most  int64

	mu    sync.Mutex
	space store.Space // nil: not open
}

// What is in the space: keys of business messages and of Test Messages, and how many
// there are.
const (
	businessKey, testKey = "k", "t"
	countsKey            = "n"

	// maxKeyText is how long a key may be to be kept as it is.
	maxKeyText = 1 << 10
	// atOnce is how many keys one transaction forgets.
	atOnce = 1000
	// How often keys are looked at that are to be forgotten.
	soonest, latest = time.Second, time.Minute
)

// keyText is how a key is kept; "" where there is none.
func keyText(m *eip.Message, key string) string {
	kind := businessKey
	if m.IsTest() {
		kind = testKey
	}
	if key == "" {
		return ""
	}
	return keptText(kind, key)
}

func keptText(kind, key string) string {
	if len(key) > maxKeyText {
		sum := sha256.Sum256([]byte(key))
		return kind + "#" + hex.EncodeToString(sum[:])
	}
	return kind + "=" + key
}

func (k *keys) open(s store.Space, clock eip.Clock, most int64, log *slog.Logger) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.space, k.clock, k.most, k.log = s, clock, most, log
}

func (k *keys) close() { k.open(nil, k.clock, k.most, k.log) }

func (k *keys) in() store.Space {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.space
}

// has reports whether a key is remembered.
func (k *keys) has(key string) (known bool, err error) {
	s := k.in()
	if s == nil {
		return false, eip.ErrNotRunning
	}
	now := k.clock.Now()
	err = s.View(func(r store.Reader) error {
		_, end := r.Get(key)
		known = end.After(now)
		return nil
	})
	return known, err
}

// keep remembers a key once m has settled with success.
func (k *keys) keep(m *eip.Message, key string, remember time.Duration) {
	test := m.IsTest()
	s := k.in()
	if s == nil {
		return // nothing comes any more
	}
	store.Keep(m, s, func(tx store.Tx) error {
		was, _ := tx.Get(key)
		n, forgotten := readCounts(tx)
		switch {
		case was != nil: // to be forgotten
			n--
		case n < k.most:
		case test:
			return nil // which takes no business message's place
		default:
			if oldest := firstDue(tx); oldest != "" {
				tx.Delete(oldest)
				n--
				forgotten++
			}
		}
		tx.Put(key, nil, k.clock.Now().Add(remember))
		writeCounts(tx, n+1, forgotten)
		return tx.Err()
	})
}

func firstDue(tx store.Tx) string {
	for _, key := range tx.Due() {
		return key
	}
	return ""
}

// count returns how many keys there are, and how many were forgotten before their time.
func (k *keys) count() (n, forgotten int64) {
	if s := k.in(); s != nil {
		_ = s.View(func(r store.Reader) error {
			n, forgotten = readCounts(r)
			return nil
		})
	}
	return n, forgotten
}

func readCounts(r store.Reader) (n, forgotten int64) {
	v, _ := r.Get(countsKey)
	if len(v) != 16 {
		return 0, 0
	}
	return int64(binary.BigEndian.Uint64(v)), int64(binary.BigEndian.Uint64(v[8:]))
}

func writeCounts(tx store.Tx, n, forgotten int64) {
	v := binary.BigEndian.AppendUint64(nil, uint64(n))
	tx.Put(countsKey, binary.BigEndian.AppendUint64(v, uint64(forgotten)), time.Time{})
}

// sweep forgets keys when it is time to, until ctx ends.
func (k *keys) sweep(ctx context.Context) {
	space := k.in()
	for {
		wait, err := k.forget(ctx, space)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			k.log.Error("keys cannot be forgotten, will try again", slog.Any("error", err))
			wait = latest
		}
		if k.clock.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// forget removes the keys that are due, some at a time so that nobody waits long for the
// store, and returns when to look again.
func (k *keys) forget(ctx context.Context, space store.Space) (wait time.Duration, err error) {
	for {
		now := k.clock.Now()
		wait = latest
		if err := space.View(func(r store.Reader) error {
			for at := range r.Due() {
				wait = min(at.Sub(now), latest)
				break
			}
			return nil
		}); err != nil || wait > 0 {
			return max(wait, soonest), err
		}
		if err := store.Do(ctx, space, func(tx store.Tx) error {
			var ended []string
			for at, key := range tx.Due() {
				if at.After(now) || len(ended) == atOnce {
					break
				}
				ended = append(ended, key)
			}
			for _, key := range ended {
				tx.Delete(key)
			}
			n, forgotten := readCounts(tx)
			writeCounts(tx, n-int64(len(ended)), forgotten)
			return tx.Err()
		}); err != nil {
			return latest, err
		}
	}
}
