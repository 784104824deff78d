package crash

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// state is a process' state, as /proc has it: T is stopped.
func state(t *testing.T, p *process) byte {
	t.Helper()
	return stat(t, p)[0][0]
}

// idle reports whether the process has used no processor for a while. It waits,
// as that is what is asked.
func idle(t *testing.T, p *process) bool {
	t.Helper()
	used := func() string { f := stat(t, p); return string(f[11]) + " " + string(f[12]) } // utime, stime
	before := used()
	time.Sleep(300 * time.Millisecond)
	return used() == before
}

// stat returns the fields of /proc/PID/stat from the state on.
func stat(t *testing.T, p *process) [][]byte {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
}

// anonymous is the memory of the process' own, without the pages of files that the
// system lends it, in bytes.
func anonymous(t *testing.T, p *process) int { return status(t, p, "RssAnon:") }

// highWater is the most memory of all kinds that the process has had.
func highWater(t *testing.T, p *process) int { return status(t, p, "VmHWM:") }

func status(t *testing.T, p *process, name string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("/proc/%d/status has no %s", p.cmd.Process.Pid, name)
	return 0
}
