package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
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
	users    sync.WaitGroup // who came from outside the flow; they come under mu, while open
	underway *underway
	full     bool // as much is under way as may be, and more is due
	// Closed when nothing is due, and when nothing will be; nil while nobody waits.
	idle, empty chan struct{}
	backlog
}

const (
	outboxPrefix = "\x00o"            // before the Outbox's keys
	failsPrefix  = outboxPrefix + "f" // of messages that have failed
	sendsPrefix  = outboxPrefix + "o"
	linePrefix   = outboxPrefix + "l" // of lines in which there are messages
	behindPrefix = outboxPrefix + "b" // of messages in a line, which are not due by themselves
	saltKey      = "\x00salt"
	linedKey     = "\x00lined" // how much there is in lines

	// againAfter is how long what failed is left alone.
	againAfter = time.Second
)

// Open begins to send, for the stage that was opened with env.
func (o *Outbox) Open(ctx context.Context, env *eip.Env, space Space) error {
	if env.Make == nil {
		return fmt.Errorf("what makes messages of its own cannot stand here: nothing follows it")
	}
	o.space, o.env, o.underway = space, env, &underway{sizes: map[string]int{}}
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
	return do(ctx, s, change, nil)
}

// do makes a step unless ctx or closed ends before it is begun. When it has returned, change
// runs no more: what it uses may be opened anew. Where it is begun and nobody can say whether
// it is on disk, the error is the context's, or [context.Canceled].
func do(ctx context.Context, s Space, change func(Tx) error, closed <-chan struct{}) (err error) {
	var changing sync.Mutex
	begun, over, done := false, false, make(chan error, 1)
	s.Store().Commit(nil, []Step{{s, func(tx Tx) error {
		changing.Lock()
		defer changing.Unlock()
		if over {
			return eip.ErrNotRunning
		}
		begun = true
		return change(tx)
	}}}, func(_ int, err error) { done <- err })
	select {
	case err = <-done:
		return err
	case <-ctx.Done():
		err = ctx.Err()
	case <-closed:
		err = eip.ErrNotRunning
	}
	changing.Lock()
	defer changing.Unlock()
	over = true
	select {
	case err = <-done: // just now
	default:
		if begun && ctx.Err() == nil {
			err = context.Canceled
		}
	}
	return err
}

// Close ends it. What is under way settles with the flow.
func (o *Outbox) Close() {
	if o.stop != nil {
		o.opened(false)
		o.stop()
		<-o.done
		o.users.Wait()
		o.stop = nil
		o.letGo(eip.ErrNotRunning)
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
	o.more(len(value))
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
