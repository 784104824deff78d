package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/eipd/eipd/eip/host"
)

// rest waits until ctx ends. Whenever the flows have come to rest, it gives memory
// back to the system: otherwise the process would keep for minutes what a burst of
// large messages needed.
func rest(ctx context.Context, h *host.Host) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	var before int64
	var kept uint64
	for worked := true; ; {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		var received, inFlight int64
		for _, s := range h.Stats() {
			received += s.Received
			inFlight += s.InFlight
		}
		switch {
		case received != before:
			before, worked = received, true
		case worked && inFlight == 0:
			worked = false
			kept = giveBackMemory(kept)
		}
	}
}

// giveBackMemory does so where the heap has grown since the last time, which left
// kept bytes of it, and returns what is left of it now.
func giveBackMemory(kept uint64) uint64 {
	const worth = 2 << 20
	if heap() > kept+max(worth, kept/4) {
		runtime.GC() // pools keep what they have for one collection more
		debug.FreeOSMemory()
		kept = heap()
	}
	return kept
}

// heap returns how much memory of the system the heap has, in bytes.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys - m.HeapReleased
}
