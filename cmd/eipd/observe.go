package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/telemetry"
	"github.com/eipd/eipd/internal/visible"
)

// observed is what the outside sees of a running process: traces, metrics, and
// whether it is ready.
type observed struct {
	telemetry *telemetry.Telemetry
	servers   []server
	host      atomic.Pointer[host.Host]
	state     atomic.Value // telemetry.State
	log       *slog.Logger
}

type server interface {
	Close(ctx context.Context) error
}

// observe sets up what the environment and --http ask for.
func (r *runCommand) observe(ctx context.Context, log *slog.Logger) (o *observed, err error) {
	if r.http != "" {
		if _, _, err := net.SplitHostPort(r.http); err != nil {
			return nil, fmt.Errorf("--http %s: write HOST:PORT, such as 127.0.0.1:9090", r.http)
		}
	}
	o = &observed{log: log}
	o.state.Store(telemetry.Starting)
	o.telemetry, err = telemetry.Setup(ctx, telemetry.Options{Service: "eipd", Version: version(), Instance: r.instance, Getenv: os.Getenv,
		Serve: r.http != "", Process: o.running, Console: visible.Writer{To: os.Stderr, Show: visible.JSON}, Log: log})
	if err != nil {
		return nil, failure{exitFailed, err}
	}
	for _, at := range []struct{ what, address string }{{"--http", r.http}, {"OTEL_METRICS_EXPORTER=prometheus", o.telemetry.Prometheus}} {
		if at.address == "" {
			continue
		}
		s, err := telemetry.Listen(at.address, telemetry.Handler(o.telemetry.Metrics, o.health), log)
		if err != nil {
			o.close()
			return nil, failure{exitFailed, fmt.Errorf("%s: %w", at.what, err)}
		}
		o.servers = append(o.servers, s)
		log.Info("serving metrics and health", slog.String("http", s.Address()))
	}
	return o, nil
}

// tracer is for host.Options.
func (o *observed) tracer() func(string, map[string]eip.Place) eip.Tracer {
	if o.telemetry.Tracing == nil {
		return nil
	}
	return o.telemetry.Tracing.Flow
}

func (o *observed) running() telemetry.Process {
	if p := o.host.Load(); p != nil {
		return p
	}
	return nil
}

func (o *observed) health() telemetry.Health {
	return telemetry.Check(o.state.Load().(telemetry.State), o.running())
}

// started is called when all flows take messages.
func (o *observed) started() { o.state.Store(telemetry.Running) }

func (o *observed) stopping() { o.state.Store(telemetry.Stopping) }

// close exports what is left, and ends the servers.
func (o *observed) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := o.telemetry.Close(ctx)
	for _, s := range o.servers {
		err = errors.Join(err, s.Close(ctx))
	}
	if err != nil {
		o.log.Warn("telemetry is incomplete", slog.Any("error", err))
	}
}
