package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/wire"
)

// An Outbox sends what a stage has written down, and wakes it when keys of its are due. A
// message that a step Puts goes to what follows the stage, at its time and in the order of
// times and then of Puts, and leaves the outbox when it has settled: at least once, each
// time with the same Message ID and the same bytes. It lasts: what is due while nothing
// runs is sent at the next start, once the flow takes messages.
//
// The keys that begin with a zero byte are the Outbox's.
type Outbox struct {
	// Due is called in a step for a key that is due and not the Outbox's own, which it
	// must delete or Put with another time. nil: there are none.
	Due func(tx Tx, key string) error

	space Space
	env   *eip.Env
	salt  []byte
	stop  context.CancelFunc
	done  chan struct{}
	poke  chan struct{}

	mu       sync.Mutex
	open     bool
	underway underway
	full     bool // as many are under way as may be, and more are due
	// Closed when nothing is due, and when nothing will be; nil while nobody waits.
	idle, empty chan struct{}
}

// underway are the keys whose messages or steps have not ended, or wait a little, of one
// run of the flow.
type underway map[string]bool

const (
	outboxPrefix = "\x00o"            // before the Outbox's keys
	failsPrefix  = outboxPrefix + "f" // of messages that have failed
	sendsPrefix  = outboxPrefix + "o"
	linePrefix   = outboxPrefix + "l" // of lines in which there are messages
	behindPrefix = outboxPrefix + "b" // of messages in a line, which are not due by themselves
	saltKey      = "\x00salt"

	// mostUnderway is how many messages or steps have not ended at any time. A crash
	// doubles no more.
	mostUnderway = 256
	// mostRead is how many bytes are read at once.
	mostRead = 4 << 20
	// againAfter is how long what failed is left alone.
	againAfter = time.Second
)

// Open begins to send, for the stage that was opened with env.
func (o *Outbox) Open(ctx context.Context, env *eip.Env, space Space) error {
	if env.Make == nil {
		return fmt.Errorf("what makes messages of its own cannot stand here: nothing follows it")
	}
	o.space, o.env, o.underway = space, env, underway{}
	if err := o.needSalt(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	o.stop, o.done, o.poke = stop, make(chan struct{}), make(chan struct{}, 1)
	o.opened(true)
	go o.run(running)
	return nil
}

// needSalt reads, or makes, what sets the identifiers of this space apart from those of
// any other. Only the first start writes it.
func (o *Outbox) needSalt(ctx context.Context) error {
	err := o.space.View(func(r Reader) error {
		kept, _ := r.Get(saltKey)
		o.salt = bytes.Clone(kept)
		return nil
	})
	if err != nil || len(o.salt) > 0 {
		return err
	}
	o.salt = make([]byte, 16)
	rand.Read(o.salt)
	return Do(ctx, o.space, func(tx Tx) error {
		tx.Put(saltKey, o.salt, time.Time{})
		return nil
	})
}

// Do makes one step, and waits until it is on disk.
func Do(ctx context.Context, s Space, change func(Tx) error) error {
	done := make(chan error, 1)
	s.Store().Commit(nil, []Step{{s, change}}, func(_ int, err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends it. What is under way settles with the flow.
func (o *Outbox) Close() {
	if o.stop != nil {
		o.opened(false)
		o.stop()
		<-o.done
		o.stop = nil
	}
}

func (o *Outbox) opened(is bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = is
}

// Put writes down, in a step, that m is to be sent at a time; zero: at once. It gets a
// Message ID where it has none.
func (o *Outbox) Put(tx Tx, m *eip.Message, at time.Time) error {
	if at.IsZero() {
		at = time.Unix(0, 1)
	}
	return o.put(tx, sendsPrefix, nil, m, at)
}

// Fail writes down, in a step, that m has failed at the stage: see Fail of [eip.Env].
func (o *Outbox) Fail(tx Tx, m *eip.Message, err error) error {
	return o.put(tx, failsPrefix, encodeFailure(err), m, time.Unix(0, 1))
}

func (o *Outbox) put(tx Tx, prefix string, before []byte, m *eip.Message, at time.Time) error {
	n := binary.BigEndian.AppendUint64(nil, tx.Next())
	if m.ID == "" {
		sum := sha256.Sum256(append(n, o.salt...))
		m = m.With(func(m *eip.Message) { m.ID = hex.EncodeToString(sum[:16]) })
	}
	value, err := wire.Encode(before, m, 0)
	if err != nil {
		return err
	}
	tx.Put(prefix+string(n), value, at)
	return tx.Err()
}

// Poke has it look again at what is due: where the time of a test has moved.
func (o *Outbox) Poke() {
	select {
	case o.poke <- struct{}{}:
	default:
	}
}

func (o *Outbox) run(ctx context.Context) {
	defer close(o.done)
	for ctx.Err() == nil {
		next, err := o.pass(ctx)
		if err != nil {
			o.env.Log.Error("what is remembered cannot be read, will try again", slog.Any("error", err))
			next = o.env.Clock.Now().Add(againAfter)
		}
		o.await(ctx, next)
	}
}

// await waits until there may be something to do.
func (o *Outbox) await(ctx context.Context, next time.Time) {
	var due <-chan time.Time
	if !next.IsZero() {
		at, t := o.env.Clock.NewTimer(o.env.Clock.Until(next))
		defer t.Stop()
		due = at
	}
	select {
	case <-due:
	case <-o.space.Changed():
	case <-o.poke:
	case <-ctx.Done():
	}
}

// entry is something that is due.
type entry struct {
	key     string
	holds   string       // the key of the message: another one where key is a line's
	message *eip.Message // nil: a key of the stage's
	failed  error        // what it has failed with
	damaged error
}

// pass sends and wakes what is due, and returns when more will be; zero: nothing is known.
func (o *Outbox) pass(ctx context.Context) (next time.Time, err error) {
	for ctx.Err() == nil {
		entries, next, err := o.read()
		if err != nil || len(entries) == 0 {
			return next, err
		}
		for _, e := range entries {
			o.act(ctx, e)
		}
	}
	return next, nil
}

// read returns what is due and not under way, as much as there is room for.
func (o *Outbox) read() (entries []entry, next time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, size := o.env.Clock.Now(), 0
	room := mostUnderway - len(o.underway)
	o.full = false
	err = o.space.View(func(r Reader) error {
		for at, key := range r.Due() {
			switch {
			case at.After(now):
				next = at
				return nil
			case len(entries) == room:
				o.full = true
				return nil
			case size > mostRead:
				return nil
			case o.underway[key]:
				continue
			}
			e := entry{key: key, holds: key}
			if strings.HasPrefix(key, outboxPrefix) {
				value, _ := r.Get(key)
				if line, ok := strings.CutPrefix(key, linePrefix); ok {
					e.holds, value = firstOf(r, line)
				}
				size += len(value)
				if strings.HasPrefix(key, failsPrefix) {
					value, e.failed = decodeFailure(value)
				}
				e.message, _, e.damaged = wire.Decode(value, &sent{o, o.underway, key})
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		return nil, next, err
	}
	for _, e := range entries {
		o.underway[e.key] = true
	}
	if len(o.underway) == 0 {
		reached(&o.idle)
		if next.IsZero() {
			reached(&o.empty)
		}
	}
	return entries, next, nil
}
