package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
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
	return s
}

// versions says what programs are made of.
func versions(programs ...string) string {
	all := map[string]string{}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			continue
		}
		for _, m := range info.Deps {
			if path := strings.TrimPrefix(m.Path, "github.com/"); slices.Contains(measured, path) {
				all[path] = m.Version
			}
		}
	}
	var list []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		list = append(list, path+" "+all[path])
	}
	return strings.Join(list, ", ")
}

// measured are the modules whose versions matter to what is measured.
var measured = []string{"benthosdev/benthos/v4", "ThreeDotsLabs/watermill", "ThreeDotsLabs/watermill-amqp/v3", "rabbitmq/amqp091-go", "expr-lang/expr", "tidwall/gjson", "go.etcd.io/bbolt"}

// processorTimes are how long the processors have been busy, and how much of that
// was for this process. Where /proc/stat is missing they are zero.
type processorTimes struct {
	at        time.Time
	busy, own time.Duration
}

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

func machineTimes() processorTimes {
	p := processorTimes{at: time.Now(), own: cpuTime()}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return p
	}
	line, _, _ := strings.Cut(string(b), "\n")
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

// processTime is what another process has used so far.
func processTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // after its name, which may hold anything
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * tick
}

// memory is a figure of /proc/PID/status, in bytes: VmRSS is what a process has,
// VmHWM the most it had.
func memory(pid int, name string) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if kib, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(kib)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}
