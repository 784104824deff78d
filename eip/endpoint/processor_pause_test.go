package endpoint

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
)

// A worker that waits for its next start refuses messages only while no other one runs.
func TestProcessor_RefusesNothingThatAnotherTakes(t *testing.T) {
	for name, test := range map[string]struct {
		running int64 // others, by when a message comes
		refused bool
	}{"there is none": {0, true}, "one was started meanwhile": {1, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewProcessor()
				pool := &workers{of: p, log: slog.New(slog.DiscardHandler), jobs: make(chan *job), closing: make(chan struct{})}
				pool.all.Go(func() { (&worker{workers: pool}).pause(errors.New("no such program"), false) })
				synctest.Wait()
				p.running.Store(test.running)
				refused := make(chan error, 1)
				go func() {
					_, err := pool.ask(t.Context(), &job{ctx: t.Context()})
					refused <- err
				}()
				synctest.Wait()
				select {
				case j := <-pool.jobs: // as the other one takes it
					j.done <- result{answer: &answer{}}
				default:
				}
				if err := <-refused; (err != nil) != test.refused {
					t.Errorf("refused: %v", err)
				}
				pool.close()
			})
		})
	}
}
