package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// machine says what is measured, and where.
func machine() string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	s := fmt.Sprintf("%s/%s, %d × %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model, runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.Contains(m.Path, "benthos/") || strings.HasSuffix(m.Path, "/watermill") || strings.HasSuffix(m.Path, "/expr") || strings.HasSuffix(m.Path, "/gjson") || strings.HasSuffix(m.Path, "/bbolt") {
				s += ", " + strings.TrimPrefix(m.Path, "github.com/") + " " + m.Version
			}
		}
	}
	return s
}

// processorTimes are how long the processors have been busy, and how much of that
// was for this process. Where /proc/stat is missing they are zero.
type processorTimes struct {
	at        time.Time
	busy, own time.Duration
}

func machineTimes() processorTimes {
	p := processorTimes{at: time.Now(), own: cpuTime()}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return p
	}
	line, _, _ := strings.Cut(string(b), "\n")
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux
	for i, f := range strings.Fields(line) {
		if n, err := strconv.ParseInt(f, 10, 64); err == nil && i != 4 && i != 5 && i < 9 { // not idle, not waiting for a disk
			p.busy += time.Duration(n) * tick
		}
	}
	return p
}

// foreignSince is the part of the machine that other processes used, in percent.
func (p processorTimes) foreignSince(earlier processorTimes) float64 {
	whole := p.at.Sub(earlier.at) * time.Duration(runtime.NumCPU())
	others := (p.busy - earlier.busy) - (p.own - earlier.own)
	return max(0, 100*float64(others)/float64(whole))
}
