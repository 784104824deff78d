package routing

import (
	"context"
	"sync"
)

// mostUnderway is how many bytes of parts there are at most, but for a single one.
const mostUnderway = 64 << 20

// room bounds what is under way.
type room struct {
	mu    sync.Mutex
	used  int
	bytes int64
	freed chan struct{} // closed when some was given back; nil while nobody waits
}

// take waits until there is room for one more, of a size.
func (r *room) take(ctx context.Context, most func() int, size int64) error {
	for {
		r.mu.Lock()
		if r.used == 0 || r.used < most() && r.bytes+size <= mostUnderway {
			r.used++
			r.bytes += size
			r.mu.Unlock()
			return nil
		}
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *room) give(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used--
	r.bytes -= size
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

func (r *room) parts() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.used)
}
