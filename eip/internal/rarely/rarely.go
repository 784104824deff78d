// Package rarely keeps what goes wrong with each message from filling a log.
package rarely

import (
	"log/slog"
	"sync"
	"time"
)

// A Log logs the first time, and then every ten seconds at most, with how many times
// it kept silent.
type Log struct {
	mu     sync.Mutex
	last   time.Time
	silent int
}

// Warn logs to log, or counts.
func (r *Log) Warn(log *slog.Logger, message string, args ...any) {
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
