package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/internal/program"
	"github.com/eipd/eipd/eip/testmessage"
)

func init() { adapter.Add("exec", func() any { return New() }) }

// An Adapter reads what a program prints, and runs a program for each message.
type Adapter struct {
	// The program and its arguments. No shell reads them, and nothing of a message
	// gets among them. It runs in the working directory of this process, with its
	// environment.
	Command []string `flow:"command,required,fixed"`
	// Sink: how long the program may run for one message. Then it is told to end,
	// killed if it does not, with all that it has started, and the message fails.
	Timeout time.Duration `flow:"timeout"`
	// Source: the messages' content type. Without one, bodies are JSON where they are
	// valid JSON, else text.
	ContentType string `flow:"content_type"`
	// The longest line that is read; what is longer is an invalid message, and is cut
	// off there. As a sink, the most that the program may print for a message that
	// wants a reply.
	MaxBody eip.Bytes `flow:"max_body"`
	testmessage.Option
}

// New makes an Adapter that lacks its command.
func New() *Adapter {
	return &Adapter{Option: testmessage.Default, Timeout: 30 * time.Second, MaxBody: stream.MaxBody}
}

// Validate checks the options.
func (a *Adapter) Validate() error {
	switch {
	case len(a.Command) == 0 || a.Command[0] == "":
		return eip.OptionErrorf("command", `there is no program; write ["PROGRAM", "ARGUMENT", …]`)
	case a.Timeout <= 0:
		return eip.OptionErrorf("timeout", "%v is no time to run; it must be more than 0", a.Timeout)
	}
	return stream.CheckMaxBody(a.MaxBody)
}

// OpenSink makes ready to run the program for each message.
func (a *Adapter) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	return sink{a}, nil
}

type sink struct{ *Adapter }

// Handle runs the program with m's body on its standard input. What it prints is
// the reply, where m wants one.
func (s sink) Handle(ctx context.Context, m *eip.Message) error {
	limits := program.Limits{Timeout: s.Timeout}
	if m.Replier() != nil {
		limits.Output = s.MaxBody
	}
	output, err := program.Run(ctx, s.Command, m.Body(), limits)
	if err != nil || m.Replier() == nil {
		return err
	}
	return m.Reply(ctx, eip.New(output, nil))
}

// Close does nothing: each program has ended when Handle returned.
func (s sink) Close() error { return nil }

// OpenSource starts the program. One that cannot be started at all is an error.
func (a *Adapter) OpenSource(_ context.Context, env *adapter.Env) (adapter.Source, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	p := &printer{Adapter: a, log: env.Log, clock: env.Clock, closed: make(chan struct{})}
	if err := p.start(); err != nil {
		return nil, err
	}
	return stream.NewSource(stream.NewFeed(env.Clock, int(a.MaxBody), p.read), env, a.ContentType, p.stop), nil
}

// A program that ends is started again after a while: twice as long each time,
// unless it ran for as long as the longest.
const (
	restartAfter  = 100 * time.Millisecond
	restartAtMost = 30 * time.Second
)

// printer keeps a program running and reads what it prints.
type printer struct {
	*Adapter
	log    *slog.Logger
	clock  eip.Clock
	closed chan struct{}
	wait   time.Duration

	mu      sync.Mutex
	running *program.Process
	lines   *stream.LineReader
	started time.Time
}

func (p *printer) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		return eip.ErrClosed
	default:
	}
	running, err := program.Start(p.Command, program.Limits{Stderr: func(line string) {
		p.log.Info("program says", slog.String("program", p.Command[0]), slog.String("line", line))
	}})
	if err != nil {
		return err
	}
	p.running, p.lines, p.started = running, stream.NewLineReader(running.Stdout, int(p.MaxBody)), p.clock.Now()
	return nil
}

// read returns lines as long as the source is open.
func (p *printer) read() ([]stream.Line, error) {
	for {
		if p.running == nil {
			if err := p.restart(); err != nil {
				return nil, err
			}
		}
		lines, err := stream.ReadLines(p.lines)()
		if err != nil {
			p.ended(err)
		}
		if len(lines) > 0 {
			return lines, nil
		}
	}
}

// ended waits for the program that has printed all, and says how it ended.
func (p *printer) ended(err error) {
	if errors.Is(err, io.EOF) {
		err = p.running.Wait()
	} else {
		p.running.Stop()
		err = fmt.Errorf("read what it prints: %w", err)
	}
	p.mu.Lock()
	p.running.Close()
	p.running = nil
	p.mu.Unlock()
	if p.clock.Since(p.started) >= restartAtMost {
		p.wait = 0
	}
	p.wait = min(max(restartAfter, 2*p.wait), restartAtMost)
	select {
	case <-p.closed: // it was told to
		return
	default:
	}
	about := []any{slog.String("program", p.Command[0]), slog.Duration("again_in", p.wait)}
	if err != nil {
		p.log.Warn("program failed and will be started again", append(about, slog.Any("error", err))...)
		return
	}
	p.log.Info("program ended and will be started again", about...)
}

// restart starts the program again, sooner or later.
func (p *printer) restart() error {
	for {
		due, t := p.clock.NewTimer(p.wait)
		select {
		case <-due:
		case <-p.closed:
			t.Stop()
			return eip.ErrClosed
		}
		err := p.start()
		if err == nil || errors.Is(err, eip.ErrClosed) {
			return err
		}
		p.wait = min(2*p.wait, restartAtMost)
		p.log.Error("program cannot be started", slog.Any("error", err), slog.Duration("again_in", p.wait))
	}
}

// stop ends the program, with all that it has started.
func (p *printer) stop() {
	close(p.closed)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		p.running.Stop()
		p.running.Close() // ends a read of it
	}
}
