package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/eipd/eipd/eip"
)

// How far the heap may grow before garbage is collected: by so many bytes, where
// that is between these parts of what is live, in per cent.
const (
	growth       = 24 << 20
	least, begin = 100, 300
)

// memoryLimit is what Go's own memory is kept below while less of it is live; 0: the
// environment says what is to be done.
var memoryLimit int64

// collectLazily has garbage collected seldom while little is live: nearly all that a
// message needs is garbage soon, and to collect it every few megabytes takes a tenth
// of the time that messages take. Where GOGC is set, it says what is to be done.
func collectLazily() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(begin)
	afterCollection(begin)
}

// afterCollection waits for the next collection, and says when another one is due.
func afterCollection(percent int) {
	runtime.AddCleanup(new([16]byte), func(percent int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		next := int(min(max(growth*100/max(live[0].Value.Uint64(), 1), least), begin))
		if next != percent { // to set it stops the world
			debug.SetGCPercent(next)
		}
		if most := max(memoryLimit, int64(live[0].Value.Uint64()*9/8)); memoryLimit > 0 && most != debug.SetMemoryLimit(-1) {
			debug.SetMemoryLimit(most) // who needs more must not do nothing but collect
		}
		afterCollection(next)
	}, percent)
}

// limitMemory keeps what Go takes below a part of --memory: the rest is the program,
// and what the system lends the process of files. It returns how much memory the flows
// are to get by with.
func (r *runCommand) limitMemory(given bool) (eip.Bytes, error) {
	const part, of = 5, 8
	var memory eip.Bytes
	if err := memory.UnmarshalText([]byte(r.memory)); err != nil {
		return 0, fmt.Errorf("--memory: %w", err)
	}
	switch {
	case !given && os.Getenv("GOMEMLIMIT") != "":
		memory = eip.Bytes(debug.SetMemoryLimit(-1))
	case memory > 0:
		memoryLimit = int64(memory) / of * part
		debug.SetMemoryLimit(memoryLimit)
	}
	return memory, nil
}
