package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

func init() {
	eip.Stages.Add("idempotent_receiver", func() eip.Stage { return NewIdempotentReceiver() })
}

// An IdempotentReceiver passes each message on once, however often it comes, and drops
// its duplicates. A message is one that has come once it has settled well: what failed may
// come again.
type IdempotentReceiver struct {
	// Key is what makes messages the same: an expression. Without it, the Message ID.
	Key eip.Value `flow:"key"`
	// What becomes of a message whose key is nil or empty: it is invalid, or passes.
	Missing Missing `flow:"missing"`
	// How long a key is remembered, from when its message has settled.
	Remember eip.Live[time.Duration] `flow:"remember"`
	// The most keys that are remembered. Of more, those go first that end first.
	MaxKeys int `flow:"max_keys"`
	// DuplicateTo is where duplicates go. Without it, they are dropped and counted.
	DuplicateTo eip.Handler `flow:"duplicate_to"`
	// The store that keys are in. Without it, the default one.
	Store store.Place `flow:"store"`

	keys    keys
	stop    context.CancelFunc
	working sync.WaitGroup

	duplicates eip.Handler // takes them; nil: nobody does

	mu     sync.Mutex
	closed bool
	claims map[string]*claim // by key

	fresh, doubled, waited, missing atomic.Int64
}

// Missing says what becomes of a message that has no key.
type Missing string

// What there is to do.
const (
	MissingIsInvalid Missing = "invalid"
	MissingPasses    Missing = "pass"
)

// Options returns them all.
func (Missing) Options() []string { return []string{string(MissingIsInvalid), string(MissingPasses)} }

// NewIdempotentReceiver returns an IdempotentReceiver that remembers ten million Message
// IDs for a day.
func NewIdempotentReceiver() *IdempotentReceiver {
	return &IdempotentReceiver{Missing: MissingIsInvalid, Remember: eip.LiveOf(24 * time.Hour), MaxKeys: 10_000_000}
}

// Place is where keys are remembered.
func (r *IdempotentReceiver) Place() *store.Place { return &r.Store }

// Remembers is how long a message is known.
func (r *IdempotentReceiver) Remembers() time.Duration { return r.Remember.Load() }

// Validate checks the options.
func (r *IdempotentReceiver) Validate() error {
	switch {
	case r.Remember.Load() < 0:
		return eip.OptionErrorf("remember", "%v is no time to remember", r.Remember.Load())
	case r.MaxKeys < 1:
		return eip.OptionErrorf("max_keys", "%d keys are none; give at least 1", r.MaxKeys)
	}
	return nil
}

// Open begins to forget what has been remembered long enough.
func (r *IdempotentReceiver) Open(ctx context.Context, env *eip.Env) error {
	space, err := r.Store.Space(env.Address, "idempotent_receiver")
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.closed, r.claims = false, map[string]*claim{}
	r.mu.Unlock()
	if r.DuplicateTo != nil {
		r.duplicates = eip.Chain(nil, r.DuplicateTo) // which counts, and survives a panic
	}
	r.keys.open(space, env.Clock, int64(r.MaxKeys), env.Log)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.working.Go(func() { r.keys.sweep(running) })
	return nil
}

// Close ends it.
func (r *IdempotentReceiver) Close(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.stop = nil
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.working.Wait(); close(done) }()
	select {
	case <-done:
		r.keys.close()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("what waited for another message of its key is still under way: %w", ctx.Err())
	}
}

// Process passes m on, unless it is a duplicate. Where another one of its key is under
// way, m waits for what becomes of that.
func (r *IdempotentReceiver) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	key, err := r.key(ctx, m)
	switch {
	case err == nil && key == "" && r.Missing != MissingPasses:
		err = eip.Invalid(errors.New("it has no key by which a duplicate is known"))
		fallthrough
	case err != nil:
		return m.Undecided(r, err)
	case key == "":
		m.CountAt(r, &r.missing)
		return next.Handle(ctx, m)
	}
	c, how := r.claim(&waiter{ctx: ctx, message: m, next: next}, key)
	switch how {
	case waits:
		return nil
	case again:
		return r.duplicate(ctx, m)
	case retries:
		return r.pass(ctx, c, m, next)
	}
	return r.begin(ctx, c, m, next)
}

// key returns m's; "" where it has none.
func (r *IdempotentReceiver) key(ctx context.Context, m *eip.Message) (string, error) {
	if r.Key == nil {
		return keyText(m, m.ID), nil
	}
	v, err := r.Key(ctx, m)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return keyText(m, v), nil
	case []byte:
		return keyText(m, string(v)), nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", eip.Invalid(fmt.Errorf("key: %w", err))
	}
	return keyText(m, string(text)), nil
}

// begin passes on m, which has the claim, where its key is not remembered.
func (r *IdempotentReceiver) begin(ctx context.Context, c *claim, m *eip.Message, next eip.Handler) error {
	known, err := r.keys.has(c.key)
	switch {
	case err != nil:
		r.end(c, false)
		return m.Undecided(r, err)
	case known:
		r.end(c, true)
		return r.duplicate(ctx, m)
	}
	m.CountAt(r, &r.fresh)
	r.hold(c, m)
	return r.pass(ctx, c, m, next)
}

// pass hands m on, and has its key remembered where that goes well.
func (r *IdempotentReceiver) pass(ctx context.Context, c *claim, m *eip.Message, next eip.Handler) error {
	r.keys.keep(m, c.key, r.Remember.Load())
	return next.Handle(ctx, m)
}

// duplicate ends m here, or sends it aside.
func (r *IdempotentReceiver) duplicate(ctx context.Context, m *eip.Message) error {
	m.CountAt(r, &r.doubled)
	if r.duplicates != nil {
		return r.duplicates.Handle(ctx, m)
	}
	m.Drop()
	return nil
}

// Stats returns how many messages were "new" and how many "duplicates"; how many "waited"
// for another of their key, and how many were "missing" a key and passed. It remembers so
// many "keys", and has "forgotten" so many before their time because there were too many.
func (r *IdempotentReceiver) Stats() stats.Own {
	n, forgotten := r.keys.count()
	return stats.Own{Gauges: []string{"keys"}, Counts: map[string]int64{"new": r.fresh.Load(), "duplicates": r.doubled.Load(), "waited": r.waited.Load(),
		"missing": r.missing.Load(), "keys": n, "forgotten": forgotten}}
}
