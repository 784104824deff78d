package manage

import (
	"log/slog"
	"sync"
	"time"
)

// rarely logs the first time, and then every ten seconds at most, with how many
// times it kept silent: what goes wrong may do so with each message.
type rarely struct {
	mu     sync.Mutex
	last   time.Time
	silent int
}

func (r *rarely) warn(log *slog.Logger, message string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.last.IsZero() && now.Sub(r.last) < 10*time.Second {
		r.silent++
		return
	}
	if r.silent > 0 {
		args = append(args, slog.Int("more_since_last", r.silent))
	}
	r.last, r.silent = now, 0
	log.Warn(message, args...)
}
