package eip_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

func TestClock_Sleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, d := range []time.Duration{-1, 0, time.Second} {
			began := time.Now()
			if err := (eip.Clock{}).Sleep(ctx, d); err != nil || time.Since(began) != max(d, 0) {
				t.Errorf("after %v of %v: %v", time.Since(began), d, err)
			}
		}
		if err := (eip.Clock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("when its context has ended: %v", err)
		}
	})
}
