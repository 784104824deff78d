package remote

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

const (
	// Patience is how long what is opened for the first time tries again by itself.
	Patience  = 2 * time.Second
	soonAgain = 5 * time.Second // the longest between two attempts at what needs no people
)

// A Hindrance is why a source or sender cannot work for now. It is logged once.
type Hindrance struct {
	now   atomic.Pointer[broker.Trouble]
	Pause time.Duration // before the last attempt; of the goroutine that makes them
}

// Trouble is what keeps it from working.
func (h *Hindrance) Trouble() *broker.Trouble { return h.now.Load() }

// Meet notes what went wrong, and returns how long to wait.
func (h *Hindrance) Meet(c *broker.Config, err error, what string, of slog.Attr) time.Duration {
	var t *broker.Trouble
	if !errors.As(err, &t) {
		t = &broker.Trouble{}
	}
	h.Pause = max(c.Reconnect.Min, min(2*h.Pause, c.Reconnect.Max, soonAgain))
	switch {
	case t.Refused:
		h.Pause = c.Reconnect.Max
	case t.Standby:
		h.Pause = time.Second
	}
	if errors.Is(err, broker.ErrLost) {
		return h.Pause
	}
	now := &broker.Trouble{Refused: t.Refused, Standby: t.Standby, Err: err}
	if was := h.now.Swap(now); was == nil || was.Error() != now.Error() {
		level := slog.LevelWarn
		if t.Standby {
			level = slog.LevelInfo
		}
		c.Log.Log(context.Background(), level, what, of, slog.Any("why", err), slog.Bool("refused", t.Refused))
	}
	return h.Pause
}

// Over is called when it works.
func (h *Hindrance) Over(c *broker.Config, what string, of slog.Attr) {
	h.Pause = 0
	if h.now.Swap(nil) != nil {
		c.Log.Info(what, of)
	}
}

// Final returns the error of what is opened since then for the first time; nil where it
// is to be tried again at once.
func Final(err error, since time.Time) error {
	var t *broker.Trouble
	switch {
	case eip.IsPermanent(err), errors.As(err, &t):
		return err
	case errors.Is(err, broker.ErrLost) || time.Since(since) < Patience:
		return nil
	}
	return &broker.Trouble{Err: err}
}

// Sleep waits, less up to half of it at random so that many clients do not come back as
// one wave.
func Sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d - rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
