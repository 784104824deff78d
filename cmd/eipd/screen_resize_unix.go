//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// resizes tells of each new size of the terminal, until still is called.
func resizes() (resized <-chan os.Signal, still func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}
