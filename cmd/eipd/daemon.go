package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"time"

	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/internal/systemd"
)

// daemon is what a process is to those that look after it: a service manager, or scripts
// that find it by a file.
type daemon struct {
	manager *systemd.Manager
	log     *slog.Logger
	run     *runCommand
	reopen  chan os.Signal
	done    chan struct{}
	beside  sync.WaitGroup

	mu     sync.Mutex // guards these
	host   *host.Host // nil: its flows do not run yet
	status string     // what the manager was told last
}

// daemon says that the process is there, though its flows do not run yet.
func (r *runCommand) daemon(log *slog.Logger) (*daemon, error) {
	d := &daemon{log: log, run: r, reopen: make(chan os.Signal, 1), done: make(chan struct{})}
	var err error
	if d.manager, err = systemd.Find(); err != nil {
		return nil, failure{exitFailed, fmt.Errorf("tell the service manager of $NOTIFY_SOCKET: %w", err)}
	}
	if r.pidFile != "" {
		if err := os.WriteFile(r.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
			return nil, failure{exitFailed, fmt.Errorf("--pid-file: %w", err)}
		}
	}
	d.told(d.manager.Status("starting: flows wait for what they need"))
	if r.logTo != nil {
		notifyReopen(d.reopen)
	}
	d.beside.Go(d.look)
	return d, nil
}

// told logs that the manager was not.
func (d *daemon) told(err error) {
	if err != nil {
		d.log.Warn("the service manager was not told", slog.Any("error", err))
	}
}

// ready is called when all flows take messages.
func (d *daemon) ready(h *host.Host) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.host, d.status = h, summary(h)
	d.told(d.manager.Ready(d.status))
}

// reloading is for host.Options.
func (d *daemon) reloading() (done func()) {
	d.told(d.manager.Reloading())
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.host != nil {
			d.status = summary(d.host)
			d.told(d.manager.Ready(d.status))
		}
	}
}

func (d *daemon) stopping() { d.told(d.manager.Stopping()) }

// look tells the manager how the process does, as long as it does: who cannot look at its
// flows any more says nothing, and is ended.
func (d *daemon) look() {
	var tick <-chan time.Time // never, where no manager listens
	if d.manager != nil {
		every := 5 * time.Second
		if w := d.manager.Watchdog(); w > 0 {
			every = min(every, w/3)
		}
		t := time.NewTicker(every)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-d.reopen:
			if err := d.run.logTo.reopen(); err != nil {
				d.log.Error("the log file cannot be opened again, and goes on as it was", slog.Any("error", err))
			}
			continue
		case <-tick:
		case <-d.done:
			return
		}
		d.alive()
	}
}

func (d *daemon) alive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.host == nil || d.host.Draining() {
		return
	}
	if now := summary(d.host); now != d.status {
		d.status = now
		d.told(d.manager.Status(now))
	}
	if d.manager.Watchdog() > 0 {
		d.told(d.manager.Alive())
	}
}

// summary is how the flows do, in a line.
func summary(h *host.Host) string {
	text := count(len(h.Flows()), "flow")
	if n := hindered(h); n > 0 {
		text += fmt.Sprintf(", of which %d not working", n)
	}
	return text
}

func (d *daemon) close() {
	close(d.done)
	d.beside.Wait()
	_ = d.manager.Close() // all was said
	if d.run.pidFile != "" {
		if err := os.Remove(d.run.pidFile); err != nil {
			d.log.Warn("the file of the process' number is left", slog.Any("error", err))
		}
	}
	if d.run.logTo != nil {
		signal.Stop(d.reopen)
	}
}
