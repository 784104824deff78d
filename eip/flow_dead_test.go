package eip_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// What the dead-letter channel refuses for good in any form is kept elsewhere, and the
// flow goes on. Where it cannot be kept either, the flow takes nothing more, and says
// so, until the channel takes it.
func TestFlow_LastResort(t *testing.T) {
	const large = 1000
	long := strings.Repeat("x", 6<<10)
	for name, test := range map[string]struct {
		takes  func(*eip.Message) bool
		resort bool
		full   bool // the last resort, for the first minute
		dead   int  // dead letters that come
		halts  bool
	}{
		"too large":              {func(m *eip.Message) bool { return len(m.Body()) <= large }, true, false, 1, false},
		"refused in any form":    {func(*eip.Message) bool { return false }, true, false, 0, false},
		"last resort is full":    {func(m *eip.Message) bool { return len(m.Body()) <= large }, true, true, 1, true},
		"no last resort":         {nil, false, false, 1, true},
		"last resort not needed": {func(*eip.Message) bool { return true }, true, true, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				takes := test.takes
				if takes == nil {
					takes = func(*eip.Message) bool { return time.Since(began) > time.Minute }
				}
				graves, kept := &recorder{}, &recorder{}
				source := &numbered{n: 5}
				f := &eip.Flow{Name: "f", Source: enlarged{source}, To: &recorder{}}
				f.Stages = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					if len(m.Body()) > large {
						return eip.Permanent(errors.New("poison"))
					}
					time.Sleep(time.Second) // what is refused is refused meanwhile
					return next.Handle(ctx, m)
				})}
				f.DeadLetter = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
					if !takes(m) {
						return eip.Permanent(errors.New("refused: " + long))
					}
					return graves.Handle(ctx, m)
				})
				if test.resort {
					f.Env.LastResort = func(m *eip.Message) (string, error) {
						if test.full && time.Since(began) < time.Minute {
							return "", errors.New("the disk is full")
						}
						return "a file", kept.Handle(t.Context(), m)
					}
				}
				ended := make(chan error, 1)
				go func() { ended <- f.Run(t.Context()) }()
				time.Sleep(10 * time.Second)
				synctest.Wait()
				why, halted := f.DeadLetterTrouble()
				if halted != test.halts || (why != nil) != test.halts {
					t.Errorf("halted: %v, %v", halted, why)
				}
				if c, _ := f.Counts(); test.halts != (c.Received < 5) {
					t.Errorf("it has taken %d messages", c.Received)
				}
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				source.check(t)
				if why, halted := f.DeadLetterTrouble(); why != nil || halted {
					t.Errorf("at the end %v, halted: %v", why, halted)
				}
				if got, _ := f.Counts(); got.DeadLettered != 1 || got.Sent != 4 {
					t.Errorf("counted %+v", got)
				}
				if len(graves.msgs) != test.dead {
					t.Fatalf("%d dead letters, want %d", len(graves.msgs), test.dead)
				}
				if len(kept.msgs) == 0 {
					return
				}
				if m := kept.msgs[0]; len(m.Body()) <= large || m.Headers["big"] != true || m.Headers[header.Reason] != "failed" {
					t.Errorf("kept %+v with %d bytes", m, len(m.Body()))
				}
				for _, m := range graves.msgs {
					if len(m.Body()) != 0 || m.Headers[header.Kept] != "a file" || m.Headers[header.Stripped] == nil || m.Headers["big"] != nil {
						t.Errorf("the dead letter is %+v with %d bytes", m, len(m.Body()))
					}
				}
			})
		})
	}
}

// enlarged makes the second message large.
type enlarged struct{ eip.Source }

func (s enlarged) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := s.Source.Receive(ctx)
	if err == nil && string(m.Body()) == "2" {
		m = m.WithBody(slices.Repeat([]byte("2"), 2000)).WithHeader("big", true)
	}
	return m, err
}

// Dead letters that their channel does not take for a while are said, and keep the
// flow from nothing else.
func TestFlow_DeadLettersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{n: 5}
		var here atomic.Bool
		f := &eip.Flow{Source: source, DeadLetter: eip.HandlerFunc(func(context.Context, *eip.Message) error {
			if !here.Load() {
				return errors.New("the queue is full")
			}
			return nil
		}), To: eip.HandlerFunc(func(context.Context, *eip.Message) error { return eip.Permanent(errors.New("poison")) })}
		if last := f.LastFailure(); last != nil {
			t.Errorf("nothing has failed, but for %v", last)
		}
		ended := make(chan error, 1)
		go func() { ended <- f.Run(t.Context()) }()
		synctest.Wait()
		if why, halted := f.DeadLetterTrouble(); why == nil || halted || received(f) != 5 {
			t.Errorf("dead letters wait because %v, halted: %v", why, halted)
		}
		here.Store(true)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if why, _ := f.DeadLetterTrouble(); why != nil {
			t.Errorf("at the end %v", why)
		}
		if last := f.LastFailure(); last[header.Error] != "poison" || last[header.Attempts] != 1 {
			t.Errorf("the last failure was %v", last)
		}
		source.check(t)
	})
}

func received(f *eip.Flow) int64 {
	business, _ := f.Counts()
	return business.Received
}
