package transform

import (
	"bytes"
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/footprint"
)

// replies are those of a cache, and those that are being asked for. One message of a key
// asks at a time; the others wait for its reply.
type replies struct {
	cache *Cache
	clock eip.Clock

	mu     sync.Mutex
	known  map[string]*list.Element // of *entry, by key
	latest list.List                // the one that was used last in front
	bytes  int64
	asking map[string]*question
}

type entry struct {
	key   string
	reply *eip.Message // nil: there is none
	at    time.Time
	size  int64
}

type question struct {
	over     chan struct{}
	answered bool
	reply    *eip.Message
}

func (r *replies) open(c *Cache, clock eip.Clock) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cache, r.clock, r.bytes = c, clock, 0
	r.known, r.asking = map[string]*list.Element{}, map[string]*question{}
	r.latest.Init()
}

// used reports whether replies are kept. Where an operator has it end, none is.
func (r *replies) used() bool {
	if r.cache.TTL.Load() > 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.latest.Len() > 0 {
		r.forget(r.latest.Back())
	}
	return false
}

// get returns the reply to a key: one that is known, or that of ask. A failure is the
// message's own; whoever waits then asks itself.
func (r *replies) get(ctx context.Context, key string, ask func() (*eip.Message, error)) (reply *eip.Message, cached bool, err error) {
	for {
		k, q, mine := r.look(key)
		switch {
		case k != nil:
			return k.reply, true, nil
		case mine:
			reply, err = r.answer(key, q, ask)
			return reply, false, err
		}
		select {
		case <-q.over:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		if q.answered {
			return q.reply, true, nil
		}
	}
}

// look returns what is known of a key, or the question that is asked; mine: by the caller.
func (r *replies) look(key string) (k *entry, q *question, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.known[key]; at != nil {
		if k := at.Value.(*entry); r.clock.Since(k.at) < r.cache.TTL.Load() {
			r.latest.MoveToFront(at)
			return k, nil, false
		}
		r.forget(at)
	}
	if q = r.asking[key]; q != nil {
		return nil, q, false
	}
	q = &question{over: make(chan struct{})}
	r.asking[key] = q
	return nil, q, true
}

// answer asks, and lets go of those who wait, also when that panics.
func (r *replies) answer(key string, q *question, ask func() (*eip.Message, error)) (*eip.Message, error) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.asking, key)
		if q.answered {
			r.keep(key, q.reply)
		}
		close(q.over)
	}()
	reply, err := ask()
	if err != nil {
		return nil, err
	}
	if reply != nil { // apart from the message that it came of
		reply = eip.New(bytes.Clone(reply.Body()), nil).With(func(m *eip.Message) {
			m.ContentType, m.Encoding = reply.ContentType, reply.Encoding
		})
	}
	q.reply, q.answered = reply, true
	return reply, nil
}

// perEntry is about what an entry takes beside its key and its reply.
const perEntry = 256

// keep enters a reply, and makes room for it. The lock is held.
func (r *replies) keep(key string, reply *eip.Message) {
	k := &entry{key: key, reply: reply, at: r.clock.Now(), size: int64(2*len(key)) + perEntry}
	if reply != nil {
		k.size += reply.Size() + int64(footprint.Of(reply.Body())) // as it is kept decoded
	}
	if k.size > int64(r.cache.Bytes) || r.cache.TTL.Load() <= 0 {
		return
	}
	r.known[key] = r.latest.PushFront(k)
	r.bytes += k.size
	for r.bytes > int64(r.cache.Bytes) || r.latest.Len() > r.cache.Max.Load() {
		r.forget(r.latest.Back())
	}
}

func (r *replies) forget(at *list.Element) {
	k := r.latest.Remove(at).(*entry)
	delete(r.known, k.key)
	r.bytes -= k.size
}

func (r *replies) size() (entries, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.latest.Len()), r.bytes
}
