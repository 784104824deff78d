package flowtest

import (
	"context"
	"errors"
	"sync"

	"github.com/eipd/eipd/eip"
)

// faults are what goes wrong in a test at the moment, by the address where it does.
type faults struct {
	clock eip.Clock
	mu    sync.Mutex
	at    map[string][]*fault
	seen  map[string]bool // places that faults have met
}

// A fault is one of them.
type fault struct {
	*faultBlock
	met    int           // by messages
	healed chan struct{} // closed when it is over
}

func (f *faults) add(at string, b *faultBlock) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at[at] = append(f.at[at], &fault{b, 0, make(chan struct{})})
}

// heal ends the faults at a place.
func (f *faults) heal(at string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.at[at] {
		close(one.healed)
	}
	delete(f.at, at)
}

// meets returns the fault that a message meets at a place, of those that is wants; nil:
// none.
func (f *faults) meets(ctx context.Context, at string, m *eip.Message, is func(*faultBlock) bool) (*fault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.at[at] {
		if !is(one.faultBlock) {
			continue
		}
		if one.If != nil {
			if ok, err := one.If(ctx, m); err != nil || !ok {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		one.met++
		if n := one.met - one.After; n > 0 && (one.Times == 0 || n <= one.Times) {
			return one, nil
		}
	}
	return nil, nil
}

var (
	errFull = errors.New("the queue is full")
	errLost = errors.New("the connection was lost before the broker confirmed the message")
)

// before has a message meet the faults of a place. lost is an error after all has gone
// well.
func (f *faults) before(ctx context.Context, at string, m *eip.Message) (lost, err error) {
	one, err := f.meets(ctx, at, m, func(b *faultBlock) bool { return !b.Duplicate && !b.Reorder && !b.Cut })
	if one == nil {
		return nil, err
	}
	switch {
	case one.Panic:
		panic("a fault of the test")
	case one.Delay > 0:
		return nil, f.clock.Sleep(ctx, one.Delay)
	case one.Hang:
		select {
		case <-one.healed:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case one.Full:
		return nil, errFull
	case one.Confirm != "":
		return errLost, nil
	}
	err = errors.New(one.Error)
	switch {
	case one.Permanent:
		err = eip.Permanent(err)
	case one.Invalid:
		err = eip.Invalid(err)
	}
	return nil, err
}

// guard has messages meet the faults of a stage before they reach it.
func (f *faults) guard(n *eip.Named) {
	if f.seen[n.Address] {
		n.Before = func(ctx context.Context, m *eip.Message) error {
			_, err := f.before(ctx, n.Address, m)
			return err
		}
	}
}

// fault has something go wrong from now on.
func (r *rig) fault(one *task, b *faultBlock) {
	if !b.Cut {
		r.faults.add(one.to.place(), b)
		return
	}
	for _, open := range r.openBrokers() {
		if open.name != one.to.name {
			continue
		}
		open.lose()
		for n := range b.Times { // it is back at once, and lost again
			settle()
			open.mend()
			settle()
			if n < b.Times-1 {
				open.lose()
			}
		}
	}
	settle()
}

// heal ends what goes wrong at a place.
func (r *rig) heal(to target) {
	r.faults.heal(to.place())
	for _, open := range r.openBrokers() {
		if to.kind == aBroker && open.name == to.name {
			open.mend()
		}
	}
}

func (r *rig) healAll() {
	for _, at := range sorted(r.faults.at) {
		r.faults.heal(at)
	}
	for _, open := range r.openBrokers() {
		open.mend()
	}
}
