//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyReopen has the signal told that asks for the log file to be opened again.
func notifyReopen(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1) }
