package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/eipd/eipd/eip/flow"
)

// rest waits until ctx ends. Whenever the flows have come to rest, it gives memory
// back to the system: otherwise the process would keep for minutes what a burst of
// large messages needed.
func rest(ctx context.Context, p *flow.Process) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	var before int64
	for worked := false; ; {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		var received, inFlight int64
		for _, s := range p.Stats() {
			received += s.Received
			inFlight += s.InFlight
		}
		switch {
		case received != before:
			before, worked = received, true
		case worked && inFlight == 0:
			worked = false
			giveBackMemory()
		}
	}
}

// giveBackMemory does so where it is worth a garbage collection.
func giveBackMemory() {
	const worth = 16 << 20
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapSys-m.HeapReleased > worth {
		debug.FreeOSMemory()
	}
}
