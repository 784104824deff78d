//go:build unix

package main

import (
	"syscall"
	"time"
)

// usedTime is the time that cores have worked for the process: on a busy machine it
// may take long, and has done nothing.
func usedTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
