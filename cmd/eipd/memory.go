package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/eipd/eipd/eip"
)

// limitMemory sets how Go collects garbage, once: it keeps what it takes below a part of
// --memory, as the rest is the program and what the system lends the process of files, and
// is lazy below that. Where GOGC or GOMEMLIMIT is set, that holds. It returns how much memory
// the flows are to get by with.
func (r *runCommand) limitMemory(given bool) (eip.Bytes, error) {
	const (
		part, of = 5, 8
		// Nearly all that a message needs is garbage soon, and little is live: to collect
		// every few megabytes takes a tenth of the time that messages take.
		percent = 200
	)
	var memory eip.Bytes
	if err := memory.UnmarshalText([]byte(r.memory)); err != nil {
		return 0, fmt.Errorf("--memory: %w", err)
	}
	switch {
	case !given && os.Getenv("GOMEMLIMIT") != "":
		memory = eip.Bytes(debug.SetMemoryLimit(-1))
	case memory > 0:
		debug.SetMemoryLimit(int64(memory) / of * part)
	}
	if memory > 0 && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	return memory, nil
}
