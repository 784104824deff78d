package endpoint

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/allow"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/testmessage"
)

func init() { eip.Stages.Add("processor", func() eip.Stage { return NewProcessor() }) }

// Processor is a Service Activator for programs that go on running: each of them reads
// one message after the other as a line of JSON on its standard input, and answers
// each with a line on its standard output, which says what becomes of the message.
type Processor struct {
	// Command is the program and its arguments. No shell reads them, and nothing of
	// a message gets among them. The program runs in the working directory of this
	// process, with its environment.
	Command []string `flow:"command,required,fixed"`
	// Workers is how many of the program run, each for one message at a time. A
	// flow with a concurrency of 1 uses one of them at a time.
	Workers int `flow:"workers"`
	// Timeout is how long a worker may take for a message. One that takes longer is
	// ended, and another one started; the message fails.
	Timeout time.Duration `flow:"timeout"`
	// MaxOutput is how long the line of an answer may be. A worker that prints a
	// longer one is ended, and the message fails.
	MaxOutput eip.Bytes `flow:"max_output"`
	// Allow lists the channels and adapters that workers may send to.
	Allow []eip.Target `flow:"allow"`
	testmessage.Option

	// Work is what a Go program has done with each message in place of Command. It
	// returns what goes on, made of m; nil: m ends here. Its context ends with Timeout.
	Work func(ctx context.Context, m *eip.Message) (*eip.Message, error)

	clock eip.Clock
	pool  *workers
	asked atomic.Int64 // the identifier of the last line that was given to a worker
	workerCounts
}

// NewProcessor returns a Processor of one worker; it needs a Command, or Work.
func NewProcessor() *Processor {
	return &Processor{Option: testmessage.Default, Workers: 1, Timeout: 30 * time.Second, MaxOutput: 16 << 20}
}

// Validate checks the command and its bounds.
func (p *Processor) Validate() error {
	const mostWorkers, mostOutput = 1000, 1 << 30
	switch {
	case p.Work == nil && (len(p.Command) == 0 || p.Command[0] == ""):
		return eip.OptionErrorf("command", "there is no program; write [\"PROGRAM\", \"ARGUMENT\", …]")
	case p.Workers < 1 || p.Workers > mostWorkers:
		return eip.OptionErrorf("workers", "must be between 1 and %d", mostWorkers)
	case p.Timeout <= 0:
		return eip.OptionErrorf("timeout", "must be more than 0")
	case p.MaxOutput <= 0 || p.MaxOutput > mostOutput:
		return eip.OptionErrorf("max_output", "must be more than 0, and 1GiB at most")
	}
	return allow.Check(p.Allow)
}

// Open starts the workers.
func (p *Processor) Open(_ context.Context, env *eip.Env) error {
	p.clock = env.Clock
	if p.Work == nil {
		p.pool = startWorkers(p, env)
	}
	return nil
}

// Close ends the workers: each by the end of its standard input, then as exec does.
func (p *Processor) Close(context.Context) error {
	if p.pool != nil {
		p.pool.close()
		p.pool = nil
	}
	return nil
}

// Pattern names what the stage is.
func (*Processor) Pattern() string { return "Service Activator" }

// Ends says that the work may be the end of the message. What follows all the same
// gets what the worker makes of it.
func (*Processor) Ends() (last, passes bool) { return true, true }

// Process has a worker work on m, and does as it answers.
func (p *Processor) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if m.IsTest() && !p.PassesTests() {
		return next.Handle(ctx, m)
	}
	made, sent, err := p.work(ctx, m)
	if err != nil {
		return err
	}
	for _, s := range sent {
		if err := s.to.Handle(ctx, s.message); err != nil {
			return err
		}
		m.Sent(1)
	}
	switch {
	case made != nil:
		return next.Handle(ctx, made)
	case len(sent) == 0:
		m.Drop()
	}
	return nil
}

// work returns what becomes of m, and what is sent beside it.
func (p *Processor) work(ctx context.Context, m *eip.Message) (made *eip.Message, sent []sending, err error) {
	if p.Work != nil {
		ctx, cancel := p.clock.WithTimeout(ctx, p.Timeout)
		defer cancel()
		made, err = p.Work(ctx, m)
		return made, nil, err
	}
	if p.pool == nil {
		return nil, nil, errors.New("the workers were not started, or have ended")
	}
	id := p.asked.Add(1)
	line, err := requestLine(id, m)
	if err != nil {
		return nil, nil, err
	}
	a, err := p.pool.ask(ctx, &job{ctx: ctx, id: id, line: line})
	if err == nil {
		err = a.failure
	}
	if err != nil {
		return nil, nil, err
	}
	if sent, err = p.sendings(m, a.send); err != nil || a.drop {
		return nil, sent, err
	}
	made, err = a.of(m)
	return made, sent, err
}

// A sending is a message on its way to a channel that a worker named.
type sending struct {
	to      eip.Handler
	message *eip.Message
}

// sendings makes all that is sent before anything is. Each is another message than m,
// and the same one when m is tried again.
func (p *Processor) sendings(m *eip.Message, all []outgoing) (made []sending, err error) {
	for i, out := range all {
		at := allow.Index(p.Allow, out.to)
		if at < 0 {
			return nil, eip.Permanent(fmt.Errorf("the worker sends to %.100q, which is not in \"allow\"; nothing was sent", out.to))
		}
		s := sending{to: p.Allow[at].Handler}
		if s.message, err = out.of(m); err != nil {
			return nil, err
		}
		if m.ID != "" {
			s.message = s.message.With(func(c *eip.Message) { c.ID = fmt.Sprintf("%s.%d", m.ID, i+1) })
		}
		made = append(made, s)
	}
	return made, nil
}

// Trouble says why there is no worker that works; nil where there is one.
func (p *Processor) Trouble() error {
	if why := p.broken.Load(); why != nil && p.settled.Load() == 0 {
		return *why
	}
	return nil
}

// Stats returns how the workers do. running is how many there are. Of those that
// ended, crashes did so before they answered, garbage are those that printed what is
// no answer, and timed_out those that did not answer in time. restarts is how often
// one was started in place of another.
func (p *Processor) Stats() stats.Own {
	return stats.Own{Gauges: []string{"running"}, Counts: map[string]int64{"running": p.running.Load(), "restarts": p.restarts.Load(),
		"crashes": p.crashes.Load(), "garbage": p.garbage.Load(), "timed_out": p.timedOut.Load()}}
}
