package eip_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
)

// What a service that is away or busy refuses is tried for longer, and not before the
// service wants it.
func TestFlow_Unavailable(t *testing.T) {
	busy := func(after time.Duration) error {
		return &eip.StageError{Address: "f.s", Err: eip.Unavailable(errors.New("busy"), after)}
	}
	for name, tt := range map[string]struct {
		err         error
		retry       eip.Retry
		attempts    int
		least, most time.Duration // in all
	}{
		"another failure":       {errors.New("no"), eip.Retry{}, 3, 150 * time.Millisecond, 300 * time.Millisecond},
		"away":                  {busy(0), eip.Retry{}, 10, 25 * time.Second, 52 * time.Second},
		"away, attempts of his": {busy(0), eip.Retry{Attempts: 2}, 2, 50 * time.Millisecond, 100 * time.Millisecond},
		"never again":           {busy(time.Second), eip.Retry{Attempts: 1}, 1, 0, 0},
		"asks for 7 s":          {busy(7 * time.Second), eip.Retry{Attempts: 3}, 3, 14 * time.Second, 14 * time.Second},
		"asks for less":         {busy(time.Millisecond), eip.Retry{Attempts: 3}, 3, 150 * time.Millisecond, 300 * time.Millisecond},
		"asks for too much":     {busy(time.Hour), eip.Retry{Attempts: 3, MaxDelay: 2 * time.Second}, 3, 4 * time.Second, 4 * time.Second},
		"asks for too much too": {busy(1 << 62), eip.Retry{Attempts: 3}, 3, time.Minute, time.Minute},
		"for good":              {eip.Permanent(busy(0)), eip.Retry{}, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, attempts := time.Now(), 0
				var dead eiptest.Recorder
				f := &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), Retry: tt.retry, DeadLetter: &dead,
					To: eip.HandlerFunc(func(context.Context, *eip.Message) error { attempts++; return tt.err })}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); attempts != tt.attempts || took < tt.least || took > tt.most || len(dead.Messages()) != 1 {
					t.Errorf("%d attempts in %v, want %d in %v to %v", attempts, took, tt.attempts, tt.least, tt.most)
				}
			})
		})
	}
}
