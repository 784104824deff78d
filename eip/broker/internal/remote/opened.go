package remote

import (
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/eipd/eipd/eip"
)

// Opened is what is open on a broker. It is safe for concurrent use.
type Opened struct {
	mu    sync.Mutex
	ended bool
	all   map[io.Closer]bool
}

// Add notes what is open. It fails when Close has been called.
func (o *Opened) Add(c io.Closer) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return eip.ErrClosed
	}
	if o.all == nil {
		o.all = map[io.Closer]bool{}
	}
	o.all[c] = true
	return nil
}

// Remove is called by what closes.
func (o *Opened) Remove(c io.Closer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, c)
}

// All returns what is open.
func (o *Opened) All() []io.Closer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.all))
}

// Ended reports whether Close has been called.
func (o *Opened) Ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended
}

// Close closes all at the same time, and lets nothing more be opened.
func (o *Opened) Close() error {
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	open := o.All()
	var closing sync.WaitGroup
	errs := make([]error, len(open))
	for i, c := range open {
		closing.Go(func() { errs[i] = c.Close() })
	}
	closing.Wait()
	return errors.Join(errs...)
}
