package remote_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

func TestBegin(t *testing.T) {
	passing, refused := errors.New("passing"), &broker.Trouble{Refused: true, Err: errors.New("refused")}
	lost := broker.ErrLost
	for name, test := range map[string]struct {
		errs        []error // of the attempts; the last one repeats
		want        error
		least, most int // attempts: each wait is shorter by up to a half, at random
	}{
		"at once":            {[]error{nil}, nil, 1, 1},
		"soon":               {[]error{passing, passing, nil}, nil, 3, 3},
		"refused":            {[]error{passing, refused}, refused, 2, 2},
		"for good":           {[]error{eip.Permanent(passing)}, passing, 1, 1},
		"not in time":        {[]error{passing}, passing, 3, 5},
		"away is waited for": {[]error{lost, lost, lost, lost, lost, nil}, nil, 6, 6},
		"as long as it may":  {[]error{lost}, lost, 10, 21},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				attempts := 0
				attempt := func() error { return test.errs[min(attempts, len(test.errs))-1] }
				err := remote.Begin(ctx, t.Context(), func(context.Context) error {
					attempts++
					return attempt()
				}, func(err error) time.Duration {
					if err != attempt() {
						t.Errorf("it met %v", err)
					}
					return time.Second
				})
				if !errors.Is(err, test.want) || attempts < test.least || attempts > test.most {
					t.Errorf("it ends with %v after %d attempts, want %v after %d to %d", err, attempts, test.want, test.least, test.most)
				}
			})
		})
	}
}

// It ends at once when what is opened is closed, whatever it waits for.
func TestBegin_Closed(t *testing.T) {
	for name, open := range map[string]func(context.Context) error{
		"at an attempt":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"between two":    func(context.Context) error { return broker.ErrLost },
		"just before it": func(context.Context) error { return eip.Permanent(errors.New("closed")) },
	} {
		synctest.Test(t, func(t *testing.T) {
			closed, end := context.WithCancel(t.Context())
			if name == "just before it" {
				end()
			}
			time.AfterFunc(time.Minute, end)
			began := time.Now()
			err := remote.Begin(t.Context(), closed, open, func(error) time.Duration { return time.Hour })
			if err != eip.ErrClosed || time.Since(began) > time.Minute {
				t.Errorf("%s: it ends with %v after %v", name, err, time.Since(began))
			}
		})
	}
}

func TestAgain(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	passing := errors.New("passing")
	for name, test := range map[string]struct {
		ctx, closed context.Context
		err, want   error
		opens, met  bool
	}{
		"opens":       {t.Context(), t.Context(), nil, nil, true, false},
		"cannot":      {t.Context(), t.Context(), passing, nil, true, true},
		"closed":      {t.Context(), ended, nil, eip.ErrClosed, false, false},
		"gives up":    {ended, t.Context(), passing, context.Canceled, true, false},
		"too late":    {ended, ended, passing, eip.ErrClosed, false, false},
		"just opened": {ended, t.Context(), nil, nil, true, false},
	} {
		opens, met := false, false
		err := remote.Again(test.ctx, test.closed, func(context.Context) error {
			opens = true
			return test.err
		}, func(error) time.Duration {
			met = true
			return 0
		})
		if err != test.want || opens != test.opens || met != test.met {
			t.Errorf("%s: %v, opened %v, met %v", name, err, opens, met)
		}
	}
}

func TestStart(t *testing.T) {
	passing, refused := errors.New("passing"), &broker.Trouble{Refused: true, Err: errors.New("refused")}
	for name, test := range map[string]struct {
		does func(s *remote.Start) (ends bool)
		want error
	}{
		"works":           {func(s *remote.Start) bool { s.Works(); s.Works(); return s.Fails(refused) }, nil},
		"works at last":   {func(s *remote.Start) bool { ends := s.Fails(passing); s.Works(); return ends }, nil},
		"works, and ends": {func(s *remote.Start) bool { s.Works(); s.End(eip.ErrClosed); return false }, nil},
		"never will":      {func(s *remote.Start) bool { ends := s.Fails(refused); s.End(eip.ErrClosed); return ends }, refused},
		"ends before":     {func(s *remote.Start) bool { s.End(eip.ErrClosed); return false }, eip.ErrClosed},
	} {
		s := remote.NewStart()
		if ends := test.does(s); ends != (test.want == error(refused)) {
			t.Errorf("%s: it ends: %v", name, ends)
		}
		if err := s.Wait(t.Context(), nil); err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := remote.NewStart().Wait(ctx, func() string { return "the broker" })
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "wait for the broker: context deadline exceeded" {
			t.Error(err)
		}
		if s := remote.NewStart(); s.Fails(passing) {
			t.Error("it ends at once")
		} else if time.Sleep(remote.Patience); !s.Fails(passing) {
			t.Error("it does not end")
		}
	})
}
