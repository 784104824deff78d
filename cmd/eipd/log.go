package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/eipd/eipd/internal/visible"
)

// logged has a failure in the log where that is to be JSON in every line, or is elsewhere.
func (r *runCommand) logged(err error) error {
	var f failure
	if r.logFormat != "json" && r.logTo == nil || !errors.As(err, &f) || f.err == nil {
		return err
	}
	slog.New(logHandler(r.output(), r.logFormat, &r.level)).Error("failed", slog.String("error", said(f.err)))
	if r.logTo != nil {
		return errors.Join(err, r.logTo.Close())
	}
	return failure{f.code, nil}
}

// output is where the log goes.
func (r *runCommand) output() io.Writer {
	if r.logTo != nil {
		return r.logTo
	}
	return os.Stderr
}

func (r *runCommand) logger() (*slog.Logger, error) {
	if err := r.level.UnmarshalText([]byte(r.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %s: write debug, info, warn or error", r.logLevel)
	}
	if r.logFormat != "text" && r.logFormat != "json" {
		return nil, fmt.Errorf("--log-format %s: write text or json", r.logFormat)
	}
	if r.logFile != "" {
		to, err := openLog(r.logFile)
		if err != nil {
			return nil, failure{exitFailed, fmt.Errorf("--log-file: %w", err)}
		}
		r.logTo = to
	}
	return slog.New(logHandler(r.output(), r.logFormat, &r.level)), nil
}

// logHandler writes log lines.
func logHandler(to io.Writer, format string, level slog.Leveler) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		o.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindDuration { // with its unit
				a.Value = slog.StringValue(a.Value.Duration().String())
			}
			return a
		}
		return slog.NewJSONHandler(visible.Writer{To: to, Show: visible.JSON}, o)
	}
	return slog.NewTextHandler(visible.Writer{To: to, Show: visible.Lines}, o)
}

// logFile is the log where it is a file, which others may move away.
type logFile struct {
	path string
	mu   sync.Mutex // guards f
	f    *os.File
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.reopen()
}

// reopen has what follows written to what has the name now. Where that cannot be opened,
// the log goes on where it was.
func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		err = l.f.Close()
	}
	l.f = f
	return err
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(p)
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
