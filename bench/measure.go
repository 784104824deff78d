package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// A sample is what one run took, for each message.
type sample struct {
	wall   time.Duration
	cpu    time.Duration // of all threads
	allocs float64
	bytes  float64
	tapped float64 // the part of all messages that the tap's sink got
}

// measure runs c over n messages, and checks where they went.
func measure(c contestant, n int) (s sample, err error) {
	f := newFeed(n)
	stop, err := c.start(f)
	if err != nil {
		return s, fmt.Errorf("start %s: %w", c.name, err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	close(f.gate)
	<-f.finished
	wall := time.Since(start)
	used := cpuTime() - cpu
	runtime.ReadMemStats(&after)
	if err := stop(); err != nil {
		return s, fmt.Errorf("stop %s: %w", c.name, err)
	}
	each := float64(n)
	s = sample{wall: wall / time.Duration(n), cpu: used / time.Duration(n), tapped: float64(f.tapped.Load()) / each,
		allocs: float64(after.Mallocs-before.Mallocs) / each, bytes: float64(after.TotalAlloc-before.TotalAlloc) / each}
	if got, want := f.counts(), expected(n); !f.uncounted && got != want {
		return s, fmt.Errorf("%s routed %v, want %v", c.name, got, want)
	}
	return s, nil
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration { return usedBy(syscall.RUSAGE_SELF) }

// childrenTime is what ended processes have used that this one started.
func childrenTime() time.Duration { return usedBy(syscall.RUSAGE_CHILDREN) }

func usedBy(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
