package amqp

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

const (
	answerTime = 5 * time.Second // that a broker has for what it answers at once if it can
	soonAgain  = 5 * time.Second // the longest between two attempts at what needs no people
)

var errLost = errors.New("the connection was lost")

// trouble makes a broker.Trouble of what the server may answer otherwise some day:
// when a node is up again, or when people have changed something.
func trouble(err error) error {
	var a *amqp.Error
	switch {
	case !errors.As(err, &a):
		return err
	case a.Code == amqp.AccessRefused:
		return &broker.Trouble{Refused: true, Err: errors.New(explain(err))}
	case isDown(a), a.Server && a.Code >= amqp.InternalError:
		return &broker.Trouble{Err: errors.New(explain(err))}
	}
	return err
}

// isDown reports whether the server has a queue, and its node is away.
func isDown(a *amqp.Error) bool {
	return a.Code == amqp.NotFound && strings.Contains(a.Reason, "home node '")
}

// lostOr returns err, unless it is the connection's rather than the call's.
func (c *connection) lostOr(err error) error {
	var t *broker.Trouble
	if err != nil && c.IsClosed() && !errors.As(err, &t) {
		return errLost
	}
	return err
}

// within makes a call on an AMQP channel of its own. A queue without a quorum leaves
// it without an answer: the call then waits alone, its channel ends by drop when it
// has been answered, and until then nobody makes the same call beside it.
func (c *connection) within(what string, call func() error, drop func()) error {
	c.mu.Lock()
	waits, limit := c.unanswered[what], answerTime
	if len(c.unanswered) > 0 { // there is little hope for others
		limit /= 10
	}
	c.mu.Unlock()
	unanswered := &broker.Trouble{Err: errors.New("the broker does not answer, as where a queue has no quorum")}
	if waits {
		drop()
		return unanswered
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	c.mu.Lock()
	if c.unanswered == nil {
		c.unanswered = map[string]bool{}
	}
	c.unanswered[what] = true
	c.spare--
	c.mu.Unlock()
	go func() {
		<-done
		drop()
		c.mu.Lock()
		c.spare++
		delete(c.unanswered, what)
		c.mu.Unlock()
	}()
	return unanswered
}

// hindrance is why a source or sender cannot work for now. It is logged once.
type hindrance struct {
	now   atomic.Pointer[broker.Trouble]
	pause time.Duration // before the last attempt; of the goroutine that makes them
}

// Trouble is what keeps it from working.
func (h *hindrance) Trouble() *broker.Trouble { return h.now.Load() }

// meet notes what went wrong, and returns how long to wait.
func (h *hindrance) meet(c *broker.Config, err error, what string, of slog.Attr) time.Duration {
	var t *broker.Trouble
	if !errors.As(err, &t) {
		t = &broker.Trouble{}
	}
	h.pause = max(c.Reconnect.Min, min(2*h.pause, c.Reconnect.Max, soonAgain))
	if t.Refused {
		h.pause = c.Reconnect.Max
	}
	if errors.Is(err, errLost) { // that is said once for all
		return h.pause
	}
	now := &broker.Trouble{Refused: t.Refused, Err: err}
	if was := h.now.Swap(now); was == nil || was.Error() != now.Error() {
		c.Log.Warn(what, of, slog.Any("why", err), slog.Bool("refused", t.Refused))
	}
	return h.pause
}

// over is called when it works.
func (h *hindrance) over(c *broker.Config, what string, of slog.Attr) {
	h.pause = 0
	if h.now.Swap(nil) != nil {
		c.Log.Info(what, of)
	}
}

// final returns the error of what is opened since then for the first time; nil
// where it is to be tried again at once.
func final(err error, since time.Time) error {
	var t *broker.Trouble
	switch {
	case eip.IsPermanent(err), errors.As(err, &t):
		return err
	case errors.Is(err, errLost) || time.Since(since) < patience:
		return nil
	}
	return &broker.Trouble{Err: err}
}
