package store

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/settle"
)

// A Store keeps the spaces of stages. It is safe for concurrent use, and comparable.
type Store interface {
	// Space returns the space of a name, which it makes where there is none.
	Space(name string) (Space, error)
	// Spaces returns the names of those that there are, sorted.
	Spaces() ([]string, error)
	// Rename gives a space another name, and does nothing where there is none of the old
	// one. It fails where there is one of the new name.
	Rename(from, to string) error
	// Commit makes all steps or none, in their order and after those of earlier calls,
	// and calls done when they are on disk, or with the error and the number of the step
	// that failed; -1: no single one. origin is the [eip.Settler] of the message that the
	// steps are of, which nobody holds any more; nil: there is none. A store that keeps
	// what origin would do makes it part of the transaction. Commit does not block. A
	// change may be called more than once.
	Commit(origin any, steps []Step, done func(step int, err error))
	Close() error
}

// A Space is what one stage remembers.
type Space interface {
	Name() string
	Store() Store
	// View calls f with what is committed, all of one moment.
	View(f func(Reader) error) error
	// Changed is told when a time at which a key is due was committed. One goroutine may
	// listen.
	Changed() <-chan struct{}
}

// A Step is a change of a space. A change that returns an error changes nothing, nor do
// the other steps of its transaction. It must do nothing but change the space.
type Step struct {
	Space  Space
	Change func(Tx) error
}

// A Reader reads a space. What it returns is valid until its function returns, and must
// not be changed. A value that is damaged is an error of View or of the step.
type Reader interface {
	// Get returns the value of a key, and when that is due; nil where there is none.
	Get(key string) (value []byte, due time.Time)
	// Range yields the keys that begin with a prefix, sorted, and not before from.
	Range(prefix, from string) iter.Seq2[string, []byte]
	// Due yields keys with the times at which they are due, the earliest first, equal
	// ones sorted.
	Due() iter.Seq2[time.Time, string]
	// Last returns the number that Next has returned last; 0: none.
	Last() uint64
}

// A Tx changes a space. While one of its iterators runs, the space must not be changed.
type Tx interface {
	Reader
	// Put gives a key a value, which must not be changed afterwards, and a time at which
	// it is due; zero: never. A time before 1970 is 1970, and
	// one after April 2262, where nanoseconds end, is that.
	Put(key string, value []byte, due time.Time)
	// Delete removes a key.
	Delete(key string)
	// Next returns numbers from 1, each once in the life of the space.
	Next() uint64
	// Skip has Next return numbers after n only.
	Skip(n uint64)
	// Err is what has failed so far, and will fail the step.
	Err() error
}

// Run runs a change, for stores, and returns what fails the step: the change's own error,
// what has failed in tx, or a panic.
func Run(tx Tx, change func(Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = eip.Permanent(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := tx.Err(); err != nil {
		return err
	}
	if err := change(tx); err != nil {
		return err
	}
	return tx.Err()
}

// MaxKey is how long a key may be, in bytes. A longer one fails the step.
const MaxKey = 4 << 10

// Keep has change be committed before m settles with success. It must be called while m is
// held, in a stage's Process. Where m fails, nothing of it is committed, and the next
// attempt keeps anew.
func Keep(m *eip.Message, s Space, change func(Tx) error) {
	settle.Attach(m, settle.Step{Store: committer{s.Store()}, Do: Step{s, change}, At: s.Name()})
}

// committer is a Store as the core knows it.
type committer struct{ Store }

func (c committer) Commit(origin any, steps []settle.Step, done func(int, error)) {
	all := make([]Step, len(steps))
	for i, s := range steps {
		all[i] = s.Do.(Step)
	}
	c.Store.Commit(origin, all, done)
}

// Kept returns what Keep has put down for a message and a store has not yet committed,
// where all of it is for that store; false where some is for another. It is for stores
// that commit it together with what was made of the message.
func Kept(m *eip.Message, in Store) (steps []Step, ok bool) {
	for _, s := range settle.Steps(m) {
		if s.Store != (committer{in}) {
			return nil, false
		}
		steps = append(steps, s.Do.(Step))
	}
	return steps, true
}

// Made says that a store has committed what Kept returned.
func Made(m *eip.Message, in Store) { settle.Made(m, committer{in}) }

// A Config is what a store is opened with.
type Config struct {
	URL     *url.URL
	DataDir string
	Log     *slog.Logger
}

// Open opens a store.
type Open func(ctx context.Context, c Config) (Store, error)

// Registry holds how stores are opened, by the schemes of their URLs.
var Registry eip.Registry[Open]
