package eip

import (
	"context"
	"time"
)

// limit lets what is under way go on for Grace once ctx has ended. Whoever heeds
// its context then has a moment to give its message back, and so has closing.
func (x *run) limit(ctx context.Context) (done func()) {
	var stopClosing context.CancelFunc
	x.closing, stopClosing = context.WithCancel(context.Background())
	finished, gone := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(gone)
		t := time.NewTimer(x.Grace)
		defer t.Stop()
		select {
		case <-t.C:
		case <-x.Abort:
		case <-finished:
			return
		}
		x.left.Store(x.inFlight.messages())
		x.stopWork()
		for _, end := range []func(){func() { close(x.over) }, stopClosing} {
			t.Reset(time.Second)
			select {
			case <-t.C:
				end()
			case <-finished:
				return
			}
		}
	})
	return func() {
		close(finished)
		if !stop() {
			<-gone
		}
		x.stopWork()
		stopClosing()
	}
}

// drain waits until nothing is in flight or the grace is over, and returns how many
// messages were left.
func (x *run) drain() int64 {
	if x.isIdle() || x.await(x.isIdle, x.over) {
		x.stopWork()
		x.working.Wait()
	}
	return x.left.Load()
}
