package amqp

import (
	"errors"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// answerTime is what a broker has for what it answers at once if it can.
const answerTime = 5 * time.Second

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
		return broker.ErrLost
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
