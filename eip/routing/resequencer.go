package routing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

func init() { eip.Stages.Add("resequencer", func() eip.Stage { return NewResequencer() }) }

// A Resequencer puts messages back in order, by their numbers. What comes too early waits
// until what is missing has come, or for a time.
type Resequencer struct {
	// Key is the sequence that a message belongs to: an expression that gives text; a
	// constant where there is only one. Without it, the identifier of its Message Sequence.
	Key eip.Text `flow:"key"`
	// Number is a message's place in its sequence: an expression that gives a whole number.
	// Without it, the number in its Message Sequence.
	Number eip.Value `flow:"number,number"`
	// The number that a sequence begins with.
	First int `flow:"first"`
	// How long a message waits for those before it. Then they are skipped.
	Timeout eip.Live[time.Duration] `flow:"timeout"`
	// The most messages that wait, of all sequences. Of more, those that wait longest go on.
	// It must be less than the flow's prefetch.
	Capacity eip.Live[int] `flow:"capacity"`
	// What becomes of a message that comes after it was skipped.
	Late Skipped `flow:"late"`
	// How long a sequence is remembered of which nothing comes.
	ForgetAfter time.Duration `flow:"forget"`
	// The store that remembers how far each sequence is. Without it, the default one.
	Store store.Place `flow:"store"`

	env    *eip.Env
	space  store.Space
	outbox store.Outbox // which only forgets

	mu        sync.Mutex
	closed    bool
	sequences map[string]*sequenced
	waiting   int    // of all sequences
	arrivals  uint64 // of those that waited
	timer     eip.Timer
	working   sync.WaitGroup
	stop      chan struct{}

	inOrder, reordered, skippedNumbers, late, duplicates atomic.Int64
}

// Skipped is what becomes of a message that comes after it was skipped.
type Skipped string

// Options returns what there is.
func (Skipped) Options() []string { return []string{"dead_letter", "discard", "pass"} }

// Validate checks the options.
func (r *Resequencer) Validate() error {
	switch {
	case r.Timeout.Load() <= 0:
		return eip.OptionErrorf("timeout", "%v is no time to wait; give more than 0s", r.Timeout.Load())
	case r.Capacity.Load() < 1:
		return eip.OptionErrorf("capacity", "%d messages are none; give at least 1", r.Capacity.Load())
	case r.ForgetAfter <= 0:
		return eip.OptionErrorf("forget", "%v is no time; give more than 0s", r.ForgetAfter)
	}
	return nil
}

// NewResequencer returns a Resequencer of Message Sequences, of which 500 messages may wait,
// each ten seconds.
func NewResequencer() *Resequencer {
	return &Resequencer{First: 1, Timeout: eip.LiveOf(10 * time.Second), Capacity: eip.LiveOf(500), Late: "dead_letter", ForgetAfter: 24 * time.Hour}
}

// Holds is how many messages must be unsettled for all to wait that may, and one that they
// wait for to come; and how long they wait at most.
func (r *Resequencer) Holds() (messages int, wait time.Duration) {
	return r.Capacity.Load() + 1, r.Timeout.Load()
}

// Sorts says that it waits for certain messages, and lets others pass.
func (*Resequencer) Sorts() {}

// Place is where it is remembered how far sequences are.
func (r *Resequencer) Place() *store.Place { return &r.Store }

// Open begins to remember.
func (r *Resequencer) Open(ctx context.Context, env *eip.Env) error {
	space, err := r.Store.Space(env.Address, "resequencer")
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	r.mu.Lock()
	r.env, r.space, r.closed, r.sequences, r.waiting, r.stop = env, space, false, map[string]*sequenced{}, 0, stop
	r.mu.Unlock()
	r.working.Go(func() {
		select {
		case <-env.Stopping:
			r.giveBack()
		case <-stop:
		}
	})
	r.outbox.Due = r.forget
	return r.outbox.Open(ctx, env, space)
}

// forget removes a sequence of which nothing has come for long.
func (r *Resequencer) forget(tx store.Tx, key string) error {
	if _, due := tx.Get(key); !due.After(r.env.Clock.Now()) {
		tx.Delete(key)
	}
	return tx.Err()
}

// Close gives back what waits.
func (r *Resequencer) Close(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	close(r.stop)
	r.stop = nil
	r.giveBack()
	r.outbox.Close()
	done := make(chan struct{})
	go func() { r.working.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("what waited for its turn is still under way: %w", ctx.Err())
	}
}

// Process passes m on when it is its turn.
func (r *Resequencer) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	key, n, err := r.place(ctx, m)
	if err != nil {
		return m.Undecided(r, err)
	}
	p := &placed{ctx: ctx, message: m, next: next, key: key, number: n}
	switch turn, err := r.turn(p); {
	case err != nil:
		return m.Undecided(r, err)
	case turn == itsTurn:
		return r.pass(p)
	case turn == skippedTurn:
		return r.tooLate(p)
	case turn == doubledTurn:
		m.CountAt(r, &r.duplicates)
		m.Drop()
	}
	return nil
}

// place returns the sequence of m, and its number there.
func (r *Resequencer) place(ctx context.Context, m *eip.Message) (key string, n int, err error) {
	key, n = m.Sequence.ID, m.Sequence.Number
	if r.Key != nil {
		if key, err = r.Key(ctx, m); err != nil {
			return "", 0, fmt.Errorf("key: %w", err)
		}
	}
	if r.Number != nil {
		v, err := r.Number(ctx, m)
		if err != nil {
			return "", 0, fmt.Errorf("number: %w", err)
		}
		if n, err = wholeNumber(v); err != nil {
			return "", 0, eip.Invalid(fmt.Errorf("number: %w", err))
		}
	} else if n == 0 {
		return "", 0, eip.Invalid(errors.New("it has no number in a Message Sequence"))
	}
	if n < r.First || n > mostNumber {
		return "", 0, eip.Invalid(fmt.Errorf("it has the number %d, and numbers are from %d to %d", n, r.First, mostNumber))
	}
	if key == "" {
		return "", 0, eip.Invalid(errors.New("it has no key that says to which sequence it belongs"))
	}
	return sequenceKey(m.IsTest(), key), n, nil
}

// tooLate is about a message that was skipped.
func (r *Resequencer) tooLate(p *placed) error {
	p.message.CountAt(r, &r.late)
	switch r.Late {
	case "discard":
		p.message.Drop()
		return nil
	case "pass":
		return p.next.Handle(p.ctx, p.message)
	}
	return eip.Permanent(fmt.Errorf("it has the number %d, which was waited for and skipped", p.number))
}

// Stats returns how many messages passed "in_order" and how many were "reordered", how many
// numbers were "skipped", and how many messages came "late", after that, or were
// "duplicates". So many are "waiting".
func (r *Resequencer) Stats() stats.Own {
	r.mu.Lock()
	waiting := r.waiting
	r.mu.Unlock()
	return stats.Own{Gauges: []string{"waiting"}, Counts: map[string]int64{"in_order": r.inOrder.Load(), "reordered": r.reordered.Load(),
		"skipped": r.skippedNumbers.Load(), "late": r.late.Load(), "duplicates": r.duplicates.Load(), "waiting": int64(waiting)}}
}
