package eip_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

// always is a source that always has another message.
type always struct{}

func (always) Receive(context.Context) (*eip.Message, error) {
	return eip.New(nil, func(error) {}), nil
}

// A flow begins with few messages under way, has one more for each eight that settle, and
// twice as many where nothing settles for a moment, up to its window.
func TestFlow_StartsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = 500
		held := make(chan func(error), window)
		hold := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			held <- m.Hold()
			return nil
		})
		f := &eip.Flow{Name: "flow", Source: always{}, To: hold, Window: window}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		settle := func(n int) {
			for range n {
				(<-held)(nil)
			}
		}
		expect := func(what string, want int64) {
			t.Helper()
			synctest.Wait()
			if n := f.InFlight(); n != want {
				t.Errorf("%s %d messages are under way, want %d", what, n, want)
			}
		}
		expect("at first", 64)
		settle(7)
		expect("when seven have settled", 64)
		settle(1)
		expect("when eight have settled", 65)
		settle(32)
		expect("when forty have settled", 64+5)
		time.Sleep(60 * time.Millisecond)
		expect("after a moment", 2*(64+5))
		time.Sleep(time.Second)
		expect("after a while", window)
		settle(window)
		expect("when all have settled", window)
		stop()
		synctest.Wait()
		settle(window)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
