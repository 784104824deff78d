package host

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/term"
)

// echo is how long after the first signal others count as the same request: who
// ends a process often tells its group as well, like timeout(1).
const echo = 10 * time.Millisecond

// UntilSignal returns a context that ends at SIGTERM, ctrl-C, or when the terminal is
// closed, which nohup(1) has ignored. A second one calls atOnce. Other SIGHUPs come by
// hangup; those that come before one was taken are one. stop ends it, and gives the
// signals back.
func UntilSignal(parent context.Context, atOnce func()) (ctx context.Context, hangup <-chan struct{}, stop func()) {
	signals, hung := make(chan os.Signal, 1), make(chan os.Signal, 1)
	closed := terminals(0, 1, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hung, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancel(parent)
	done, hangups := make(chan struct{}), make(chan struct{}, 1)
	go func() {
		for asked := false; !asked; {
			select {
			case <-signals:
				asked = true
			case <-hung:
				if asked = closed(); !asked {
					select {
					case hangups <- struct{}{}:
					default:
					}
				}
			case <-done:
				return
			}
		}
		for over := time.After(echo); over != nil; {
			select {
			case <-signals:
			case <-over:
				over = nil
			}
		}
		cancel()
		select {
		case <-signals:
			atOnce()
		case <-done:
		}
	}()
	return ctx, hangups, func() {
		signal.Stop(signals)
		signal.Stop(hung)
		cancel()
		close(done)
	}
}

// terminals returns a function that reports whether one of the files, by their
// descriptors, was a terminal and is none any more.
func terminals(files ...int) (closed func() bool) {
	open := slices.DeleteFunc(files, func(f int) bool { return !term.IsTerminal(f) })
	return func() bool { return slices.ContainsFunc(open, func(f int) bool { return !term.IsTerminal(f) }) }
}
