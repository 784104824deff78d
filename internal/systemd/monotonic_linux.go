package systemd

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the time by which the manager tells an answer to its last word from one to
// an earlier one.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // every kernel has it
	return time.Duration(t.Nano())
}
