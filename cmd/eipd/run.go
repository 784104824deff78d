package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/private"
)

type runCommand struct {
	loading
	picking
	dataDir   string
	instance  string
	labels    []string
	logFormat string
	logLevel  string
	level     slog.LevelVar
	socket    string
	http      string
	untilIdle bool
	idle      bool
	flowsDir  string
	watch     bool
	pidFile   string
	logFile   string
	logTo     *logFile // nil: standard error
	grace     time.Duration
	memory    string
}

func newRun() *cobra.Command {
	r := &runCommand{}
	c := &cobra.Command{
		Use:   "run FILES…",
		Short: "Run flows",
		Long: `Runs the flows of the flow files; FILES may be files, globs and folders.

It prints one log line "ready" on standard error once every flow takes messages, but
for those that a broker refuses or keeps waiting: these begin when they can.
Standard output belongs to the flows. Ctrl-C or SIGTERM: it takes nothing
more, finishes what is in flight, and ends with 0; a second one ends it at once,
and what was not settled is delivered again next time. SIGHUP has it load the files
anew, as eipd control reload does.

Exit code 4: with --until-idle, messages were dead-lettered or invalid.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !r.idle {
				return errors.New("name at least one flow file, or a folder that holds some")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return r.logged(r.run(c.Context(), args, c.Flags().Changed("memory")))
		},
	}
	r.loading.flags(c)
	r.picking.flags(c, "run")
	f := c.Flags()
	f.StringVar(&r.dataDir, "data-dir", ".eipd", "the `folder` of what must outlive the process")
	f.StringVar(&r.instance, "instance", "", "this process' `name` (default HOST:PID)")
	f.StringArrayVar(&r.labels, "label", nil, "a `word` by which commands may choose this process (repeatable)")
	f.StringVar(&r.socket, "socket", "", "the `path` of the control socket (default control.sock in the data directory)")
	f.StringVar(&r.logFormat, "log-format", "text", "text or json")
	f.StringVar(&r.logFile, "log-file", "", "the `path` of a file that the log is written to, and not to standard error; SIGUSR1 has it opened again")
	f.StringVar(&r.pidFile, "pid-file", "", "the `path` of a file that has the process' number while it runs")
	f.StringVar(&r.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&r.http, "http", "", "serve /metrics, /healthz and /readyz at this `address`, HOST:PORT")
	f.BoolVar(&r.idle, "idle", false, "run without flow files, and wait for the control bus to apply some")
	f.StringVar(&r.flowsDir, "flows-dir", "", "the `folder` of the flow files that the control bus may apply")
	f.BoolVar(&r.watch, "watch", false, "load the files anew when they change, for development")
	f.BoolVar(&r.untilIdle, "until-idle", false, "end when every source has ended and no message is left")
	f.StringVar(&r.memory, "memory", "256MiB", "the `size` of the memory to get by with; a third of it is for messages that flows have taken and not settled (default what GOMEMLIMIT says, where it is set)")
	f.DurationVar(&r.grace, "grace", 30*time.Second, "how long to finish what is in flight at the end")
	return c
}

func (r *runCommand) run(ctx context.Context, files []string, given bool) error {
	log, err := r.logger()
	if err != nil {
		return err
	}
	r.noFiles = r.idle
	config, err := r.load(files)
	if err != nil {
		return err
	}
	names, err := r.names(config)
	if err != nil {
		return failure{exitFailed, err}
	}
	if r.instance == "" {
		machine, _ := os.Hostname()
		r.instance = fmt.Sprintf("%s:%d", machine, os.Getpid())
	}
	if ctx == nil {
		ctx = context.Background()
	}
	d, err := r.daemon(log)
	if err != nil {
		return err
	}
	defer d.close()
	ctx, hangup, stop := host.UntilSignal(ctx, func() {
		log.Warn("stopped at once; what was not settled will be delivered again")
		os.Exit(exitFailed)
	})
	defer stop()
	memory, err := r.limitMemory(given)
	if err != nil {
		return err
	}
	log = config.Log(log)
	seen, err := r.observe(ctx, log)
	if err != nil {
		return err
	}
	defer seen.close()
	var unserved error
	h := host.New(host.Options{
		Answering: func(h *host.Host) error {
			seen.host.Store(h)
			if unserved = r.serve(h); errors.Is(unserved, control.ErrServed) {
				return nil // by who may end meanwhile
			}
			return r.needed(unserved, log)
		},
		Tracer: seen.tracer(), Reloading: d.reloading,
		DataDir: r.dataDir, Instance: r.instance, Labels: r.labels, Memory: memory, Grace: r.grace, Log: log,
		FlowsDir: r.flowsDir, Pick: r.names, Version: version(), Level: &r.level, Stdin: os.Stdin, Stdout: os.Stdout,
		OpenPositions: func(dir string) (host.PositionStore, error) { return embedded.OpenPositions(dir, log) },
	})
	if _, err := h.Start(ctx, config, names...); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it began
		}
		return failure{exitFailed, err}
	}
	if errors.Is(unserved, control.ErrServed) {
		if err := r.needed(r.serve(h), log); err != nil {
			return failure{exitFailed, errors.Join(err, h.Stop())}
		}
	}
	seen.started()
	about := []any{slog.Int("flows", len(h.Stats()))}
	if n := hindered(h); n > 0 {
		about = append(about, slog.Int("not_working", n))
	}
	log.Info("ready", append(about, slog.String("instance", r.instance), slog.Duration("after", h.Uptime().Round(time.Microsecond)))...)
	d.ready(h)
	h.ReloadAt(ctx, "SIGHUP", hangup)
	if r.watch {
		h.Watch(ctx)
	}
	if r.untilIdle {
		_ = h.WaitIdle(ctx) // it ends early only by a signal
	} else {
		rest(ctx, h)
	}
	seen.stopping()
	d.stopping()
	return r.stop(ctx, h, log)
}

// hindered counts the flows that a broker keeps from working.
func hindered(h *host.Host) (n int) {
	for _, f := range h.Flows() {
		if _, why := control.StateOf(f); why != "" {
			n++
		}
	}
	return n
}

// serve opens the control socket.
func (r *runCommand) serve(h *host.Host) error {
	path := r.socket
	if path == "" {
		path = filepath.Join(r.dataDir, control.SocketName)
	}
	return h.Control().ServeSocket(path)
}

// needed is an error of serve. Where nothing was said about the socket, a process runs
// without if need be.
func (r *runCommand) needed(err error, log *slog.Logger) error {
	var refused *private.Error
	if err == nil || r.socket != "" || errors.As(err, &refused) {
		return err
	}
	log.Warn("no control socket; name another one by --socket", slog.Any("error", err))
	return nil
}

func (r *runCommand) stop(ctx context.Context, h *host.Host, log *slog.Logger) error {
	if ctx.Err() != nil {
		log.Info("stopping", slog.Duration("grace", r.grace))
	}
	if err := h.Stop(); err != nil {
		log.Warn("stopped with messages unsettled; they will be delivered again", slog.Any("error", err))
	}
	var letters int64
	for _, s := range h.Stats() {
		letters += s.DeadLettered + s.Invalid
		about := []any{slog.String("flow", s.Flow), slog.Int64("received", s.Received), slog.Int64("sent", s.Sent), slog.Int64("dropped", s.Dropped), slog.Int64("retried", s.Retried),
			slog.Int64("dead_lettered", s.DeadLettered), slog.Int64("invalid", s.Invalid)}
		if s.Made+s.Absorbed > 0 {
			about = append(about, slog.Int64("absorbed", s.Absorbed), slog.Int64("made", s.Made))
		}
		log.Info("flow", about...)
	}
	log.Info("stopped", slog.Duration("after", h.Uptime().Round(time.Millisecond)))
	if r.untilIdle && letters > 0 {
		return failure{exitLetters, fmt.Errorf("%s failed for good, and went where dead letters or invalid messages go", count(int(letters), "message"))}
	}
	return nil
}
