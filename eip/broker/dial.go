package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Connection is a Broker for a Go program that puts its flows together by itself.
type Connection struct {
	Broker
	// Env is what Run tells flows that say nothing of their own.
	Env       eip.Env
	transport Transport
}

// Dial opens a broker by its URL, whose package the program imports. Options change what
// it is opened with; what goes wrong is logged by [slog.Default] unless they say otherwise.
// A server that is away is waited for by what is opened on it.
func Dial(ctx context.Context, url string, opts ...func(*Config)) (*Connection, error) {
	u, t, err := Lookup(url)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c := Config{URL: u, Instance: fmt.Sprintf("%s:%d", filepath.Base(os.Args[0]), os.Getpid()),
		Reconnect: Reconnect{Min: 100 * time.Millisecond, Max: time.Second}, Log: slog.New(quiet{slog.Default().Handler()})}
	for _, o := range opts {
		o(&c)
	}
	b, err := t.Open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return &Connection{b, eip.Env{Instance: c.Instance, Log: c.Log, Clock: c.Clock}, t}, nil
}

// quiet is a log without what is usual.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// Run runs flows until all have ended. When one fails, the others are ended too. Before
// the first begins, it opens the Endpoints that flows have as Source, and then those that
// they have as To, DeadLetter and Invalid, so that what cannot be opened is an error of
// Run's and a topic is not sent to before it is read. It closes them at the end.
func (c *Connection) Run(ctx context.Context, flows ...*eip.Flow) (err error) {
	var opened []interface{ close() error }
	defer func() {
		for _, o := range opened {
			err = errors.Join(err, o.close())
		}
	}()
	for _, f := range flows {
		f.Env.Instance, f.Env.Log = cmp.Or(f.Env.Instance, c.Env.Instance), cmp.Or(f.Env.Log, c.Env.Log)
		f.Env.Clock = cmp.Or(f.Env.Clock, c.Env.Clock)
		if e, ok := f.Source.(*Endpoint); ok {
			if _, err := e.openSource(ctx, f); err != nil {
				return fmt.Errorf("flow %s: %w", f.Name, err)
			}
			opened = append(opened, &e.source)
		}
	}
	for _, f := range flows {
		for _, h := range []eip.Handler{f.To, f.DeadLetter, f.Invalid} {
			if e, ok := h.(*Endpoint); ok {
				if _, err := e.openSender(ctx); err != nil {
					return fmt.Errorf("flow %s: %w", f.Name, err)
				}
				opened = append(opened, &e.sender)
			}
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(flows))
	for _, f := range flows {
		go func() { ended <- f.Run(ctx) }()
	}
	for range flows {
		if why := <-ended; why != nil {
			stop()
			err = errors.Join(err, why)
		}
	}
	return err
}
