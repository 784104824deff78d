package telemetry

import (
	"log/slog"
	"sync"
	"time"
)

// complaints logs what the SDK cannot do (a collector is away), at most every ten
// seconds.
type complaints struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
	more int // that were not logged since
}

// Handle is called by the SDK.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.last) < 10*time.Second {
		c.more++
		return
	}
	c.log.Warn("telemetry is incomplete", slog.Any("error", err), slog.Int("more", c.more))
	c.last, c.more = time.Now(), 0
}
