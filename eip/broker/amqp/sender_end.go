package amqp

import (
	"fmt"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
)

// letGo gives up what is revoked, where there is no channel to publish it on: a session has
// counted what it publishes.
func (s *sender) letGo() {
	s.mu.Lock()
	var revoked []*outgoing
	if s.conn != nil && s.conn.IsClosed() {
		revoked = s.takeRevoked()
	}
	s.mu.Unlock()
	s.release(revoked, eip.ErrRevoked)
}

// giveUp fails what is under way and revoked: its source will deliver it again.
func (s *sender) giveUp() {
	s.mu.Lock()
	revoked := s.takeRevoked()
	s.mu.Unlock()
	s.release(revoked, eip.ErrRevoked)
}

// takeRevoked takes what is revoked off what is under way. The lock is held.
func (s *sender) takeRevoked() (revoked []*outgoing) {
	s.underWay = slices.DeleteFunc(s.underWay, func(o *outgoing) bool {
		if !o.message.Revoked() {
			return false
		}
		revoked = append(revoked, o)
		return true
	})
	if len(s.underWay) == 0 {
		s.wakeIdle()
	}
	return revoked
}

func (s *sender) release(all []*outgoing, err error) {
	for _, o := range all {
		<-s.credit
		o.release(err)
	}
}

// Close waits until everything is confirmed, and gives up the rest: after ten
// seconds, or where the broker is away.
func (s *sender) Close() error {
	s.broker.opened.Remove(s)
	s.settle()
	s.stop()
	<-s.ended
	s.publishing.Lock()
	defer s.publishing.Unlock()
	s.mu.Lock()
	left := s.underWay
	s.underWay = nil
	s.mu.Unlock()
	s.release(left, eip.ErrClosed)
	if len(left) > 0 {
		return fmt.Errorf("close %s: %d messages were not confirmed", s.name(), len(left))
	}
	return nil
}

// settle waits until nothing is under way.
func (s *sender) settle() {
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		conn := s.conn
		s.mu.Unlock()
		if conn == nil || conn.IsClosed() || s.settled() {
			return
		}
		select {
		case <-s.idle:
		case <-conn.gone:
		case <-s.ended:
			return
		case <-deadline.C:
			return
		}
	}
}

func (s *sender) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.underWay) == 0
}

// wakeIdle tells settle that nothing is under way.
func (s *sender) wakeIdle() {
	select {
	case s.idle <- struct{}{}:
	default:
	}
}
