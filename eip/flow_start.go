package eip

import (
	"context"
	"time"
)

// Slow start: what is unsettled when a process is killed may come twice, and one that is
// killed again and again, as by a message that it does not survive, must not double a
// whole window each time. So a run begins with firstWindow messages, and may have one more
// for settledForOne that settle, until there are Window of them. While nothing settles,
// stages may hold all that there is until more comes: then it doubles after stallTime.
const (
	firstWindow   = 64
	settledForOne = 8
	stallTime     = 50 * time.Millisecond
)

// slowStart is how far a run has come. It is the receiving goroutine's.
type slowStart struct {
	first    int64 // what the window began with, and what stalls have added
	received int64 // from the source, in this run
}

// window is how many messages may be unsettled by now, where so many are.
func (x *run) window(inFlight int64) int64 {
	return min(int64(x.Window), x.start.first+max(x.start.received-inFlight, 0)/settledForOne)
}

// awaitWindow waits until one more message may be taken; false when ctx ended first.
func (x *run) awaitWindow(ctx context.Context) bool {
	for !x.isWindowOpen() && ctx.Err() == nil {
		if x.window(x.inFlight.messages()) == int64(x.Window) {
			x.await(x.isWindowOpen, ctx.Done())
			break
		}
		stalled, cancel := context.WithTimeout(ctx, stallTime)
		if !x.await(x.isWindowOpen, stalled.Done()) {
			x.start.first += x.window(x.inFlight.messages())
		}
		cancel()
	}
	return ctx.Err() == nil
}
