package host

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// echo is how long after the first signal others count as the same request: who
// ends a process often tells its group as well, like timeout(1).
const echo = 10 * time.Millisecond

// UntilSignal returns a context that ends at SIGTERM, ctrl-C, or SIGHUP, which is sent
// when a terminal is closed; nohup(1) has that ignored. A second one calls atOnce. stop
// ends it, and gives the signals back.
func UntilSignal(parent context.Context, atOnce func()) (ctx context.Context, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancel(parent)
	done := make(chan struct{})
	next := func() bool {
		select {
		case <-signals:
			return true
		case <-done:
			return false
		}
	}
	go func() {
		if !next() {
			return
		}
		for over := time.After(echo); over != nil; {
			select {
			case <-signals:
			case <-over:
				over = nil
			}
		}
		cancel()
		if next() {
			atOnce()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
		close(done)
	}
}
