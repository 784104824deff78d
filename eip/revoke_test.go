package eip_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

// revocable yields messages and may take them all back.
type revocable struct {
	left    int
	revoked atomic.Bool
	settled []error
}

func (s *revocable) Receive(context.Context) (*eip.Message, error) {
	if s.left == 0 {
		return nil, io.EOF
	}
	s.left--
	return eip.NewFor(fmt.Append(nil, s.left), s), nil
}

func (s *revocable) Settle(err error) { s.settled = append(s.settled, err) }
func (s *revocable) Revoked() bool    { return s.revoked.Load() }

// What its source has taken back is neither tried again nor a dead letter.
func TestFlow_LeavesARevokedMessage(t *testing.T) {
	for name, attempts := range map[string]int{"retry": 3, "dead_letter": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, tries, dead := &revocable{left: 1}, 0, 0
				f := &eip.Flow{Name: "f", Source: src, Retry: eip.Retry{Attempts: attempts, Delay: time.Second},
					DeadLetter: eip.HandlerFunc(func(context.Context, *eip.Message) error { dead++; return nil }),
					To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
						tries++
						if attempts == 1 {
							src.revoked.Store(true)
							return eip.ErrRevoked
						}
						release := m.Hold()
						go func() {
							time.Sleep(time.Millisecond)
							release(errors.New("not now"))
							time.Sleep(time.Millisecond)
							src.revoked.Store(true) // while it waits to be tried again
						}()
						return nil
					})}
				if err := f.Run(t.Context()); err != nil {
					t.Error(err)
				}
				if tries != 1 || dead != 0 || len(src.settled) != 1 || src.settled[0] == nil {
					t.Errorf("tried %d times, %d dead letters, settled with %v", tries, dead, src.settled)
				}
				if s, _ := f.Counts(); s.Returned != 1 || s.Failed != 1 || s.Retried != 0 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

// Messages that wait behind another in their lane are not begun any more.
func TestFlow_DoesNotBeginARevokedMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, begun := &revocable{left: 10}, 0
		f := &eip.Flow{Name: "f", Source: src, Concurrency: 2,
			OrderBy: func(context.Context, *eip.Message) (string, error) { return "all the same", nil },
			To: eip.HandlerFunc(func(context.Context, *eip.Message) error {
				begun++
				time.Sleep(time.Second) // the others come
				src.revoked.Store(true)
				return nil
			})}
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if s, _ := f.Counts(); begun != 1 || s.Sent != 1 || s.Returned != 9 {
			t.Errorf("%d begun, counted %+v", begun, s)
		}
	})
}

// expiring is a source of messages that expire while they wait.
type expiring struct {
	left    int
	since   time.Time
	settled []error
}

func (s *expiring) Receive(context.Context) (*eip.Message, error) {
	if s.left == 0 {
		return nil, io.EOF
	}
	s.left--
	return eip.NewFor(fmt.Append(nil, s.left), s).With(func(m *eip.Message) { m.Expiration = time.Minute }), nil
}

func (s *expiring) Settle(err error) { s.settled = append(s.settled, err) }
func (s *expiring) Expired() bool    { return time.Since(s.since) > time.Minute }

// A message that expires while it waits for its lane is not begun, and its source
// knows why. One that expires later, as while it is tried again, is gone on with.
func TestFlow_DoesNotBeginWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, begun := &expiring{left: 3, since: time.Now()}, 0
		f := &eip.Flow{Name: "f", Source: src, Concurrency: 2, Retry: eip.Retry{Delay: 2 * time.Minute, MaxDelay: 2 * time.Minute},
			OrderBy: func(context.Context, *eip.Message) (string, error) { return "all the same", nil },
			To: eip.HandlerFunc(func(context.Context, *eip.Message) error {
				if begun++; begun == 1 {
					time.Sleep(2 * time.Minute)
					return errors.New("not now")
				}
				return nil
			})}
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if s, _ := f.Counts(); begun != 2 || s.Sent != 1 || s.Dropped != 2 || s.Expired != 2 || s.InFlight != 0 {
			t.Errorf("%d begun, counted %+v", begun, s)
		}
		expired := 0
		for _, err := range src.settled {
			if errors.Is(err, eip.ErrExpired) {
				expired++
			}
		}
		if expired != 2 || len(src.settled) != 3 {
			t.Errorf("settled with %v", src.settled)
		}
	})
}
