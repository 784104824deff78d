package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/program"
)

// A worker that ends is started again after a while: twice as long each time, less a
// random part of up to a half, until it has answered.
const (
	restartAfter  = 100 * time.Millisecond
	restartAtMost = 30 * time.Second
)

// settleTime is how long a worker that is given no message must run to count as one that
// works. While none does, messages wait for one that is started again within patience,
// and fail where that takes longer.
const (
	settleTime = time.Second
	patience   = time.Second
)

// workerGrace is how long a worker may take to end once its standard input has, and
// how long one that prints no more.
const workerGrace = 2 * time.Second

// workerCounts are those of all workers that a stage ever had.
type workerCounts struct {
	running, restarts, crashes, garbage, timedOut atomic.Int64

	settled  atomic.Int64          // of those that run: they have answered, or run for a while
	answered atomic.Bool           // one has, since they were started
	broken   atomic.Pointer[error] // why messages fail, where none is settled
}

// workers are the running programs of one stage, from Open to Close.
type workers struct {
	of      *Processor
	log     *slog.Logger
	jobs    chan *job
	closing chan struct{}
	all     sync.WaitGroup
}

// A job is a message that waits for a worker, and then for its answer.
type job struct {
	ctx  context.Context
	id   int64
	line []byte
	done chan result
}

type result struct {
	*answer
	err error
}

func startWorkers(p *Processor, env *eip.Env) *workers {
	p.answered.Store(false)
	p.broken.Store(nil)
	pool := &workers{of: p, log: env.Log.With(slog.String("stage", env.Address), slog.String("program", p.Command[0])),
		jobs: make(chan *job), closing: make(chan struct{})}
	for range p.Workers {
		pool.all.Go((&worker{workers: pool}).run)
	}
	return pool
}

// ask waits for a worker that has no message, and then for what it answers.
func (w *workers) ask(ctx context.Context, j *job) (*answer, error) {
	j.done = make(chan result, 1)
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.closing:
		return nil, eip.ErrClosed
	}
	r := <-j.done
	return r.answer, r.err
}

func (w *workers) close() {
	close(w.closing)
	w.all.Wait()
}

func (w *workers) isClosing() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

// A worker keeps one program running.
type worker struct {
	*workers
	began     bool // once
	isSettled bool
	wait      time.Duration // before the last start
	last      error         // why there are no more lines; only for who has seen their end
	*program.Process
	lines chan []byte
}

func (w *worker) run() {
	for {
		p, err := program.Converse(w.of.Command, program.Limits{Stderr: w.hear()})
		started := err == nil
		if started {
			err = w.live(p)
		}
		if w.isClosing() {
			return
		}
		w.pause(err, started)
	}
}

// live gives messages to a program, and says why it is of no more use.
func (w *worker) live(p *program.Process) error {
	c := &w.of.workerCounts
	if w.began {
		c.restarts.Add(1)
	}
	w.began, w.Process, w.lines = true, p, make(chan []byte)
	c.running.Add(1)
	go w.read()
	err := w.work()
	c.running.Add(-1)
	if w.isSettled {
		c.settled.Add(-1)
	}
	w.isSettled = false
	grace := workerGrace
	if err != nil {
		grace = 0
	}
	p.Stdin.Close()
	p.End(grace)
	for range w.lines { // until the reader has ended
	}
	p.Close()
	return err
}

func (w *worker) work() error {
	due, t := w.of.clock.NewTimer(settleTime)
	defer t.Stop()
	for {
		select {
		case <-due:
			w.settle()
		case <-w.closing:
			return nil
		case _, printed := <-w.lines:
			if printed {
				w.of.garbage.Add(1)
				return errors.New("the worker printed a line that was not asked for")
			}
			return w.over("the worker ended", w.last)
		case j := <-w.jobs:
			a, err := w.serve(j)
			j.done <- result{a, err}
			if err != nil {
				return err
			}
			w.wait = 0
			w.of.answered.Store(true)
			w.settle()
		}
	}
}

func (w *worker) settle() {
	if !w.isSettled {
		w.isSettled = true
		w.of.settled.Add(1)
		w.of.broken.Store(nil)
	}
}

// serve has the program answer one message. An error says that it is of no more use.
func (w *worker) serve(j *job) (*answer, error) {
	c := &w.of.workerCounts
	ctx, cancel := w.of.clock.WithTimeout(j.ctx, w.of.Timeout)
	defer cancel()
	stdin := w.Stdin // the function may run when the next program is there
	stop := context.AfterFunc(ctx, func() { stdin.SetWriteDeadline(time.Unix(1, 0)) })
	line, err := w.exchange(ctx, j.line)
	switch {
	case stop() && ctx.Err() == nil:
	case j.ctx.Err() != nil:
		return nil, j.ctx.Err()
	default:
		c.timedOut.Add(1)
		return nil, fmt.Errorf("the worker took longer than %v, and is ended", w.of.Timeout)
	}
	if err != nil {
		if !errors.Is(err, errLongLine) {
			c.crashes.Add(1)
		}
		return nil, w.over("the worker ended before it had answered", err)
	}
	a, err := readAnswer(line, j.id)
	if err != nil {
		c.garbage.Add(1)
		return nil, fmt.Errorf("the worker printed what is no answer, and is ended: %w", err)
	}
	return a, nil
}

// exchange gives the program a line, and returns that which it answers.
func (w *worker) exchange(ctx context.Context, line []byte) ([]byte, error) {
	if _, err := w.Stdin.Write(line); err != nil {
		return nil, err
	}
	select {
	case line, ok := <-w.lines:
		if !ok {
			return nil, w.last
		}
		return line, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// over says why a program is of no more use that takes or prints no more.
func (w *worker) over(what string, why error) error {
	if errors.Is(why, errLongLine) {
		w.of.garbage.Add(1)
		return fmt.Errorf("the worker printed what is no answer, and is ended: %w of %v", why, w.of.MaxOutput)
	}
	if exit := w.End(workerGrace); exit != nil {
		return fmt.Errorf("%s: %w", what, exit)
	}
	return errors.New(what)
}

// pause waits before the program is started again. Messages do not wait for that where
// no worker runs and it takes long, or will not help: the program cannot be started, or
// has ended without ever having answered.
func (w *worker) pause(why error, started bool) {
	w.wait = min(max(restartAfter, 2*w.wait), restartAtMost)
	wait := w.wait - rand.N(w.wait/2)
	about := []any{slog.Any("error", why), slog.Duration("again_in", wait)}
	broken := !started || !w.of.answered.Load() || w.wait > patience
	if broken {
		w.of.broken.Store(&why)
	}
	if started {
		w.log.Warn("a worker is of no more use and will be started again", about...)
	} else {
		w.log.Warn("the program cannot be started, so messages will fail", about...)
	}
	due, t := w.of.clock.NewTimer(wait)
	defer t.Stop()
	for {
		var refused chan *job
		if broken && w.of.running.Load() == 0 {
			refused = w.jobs
		}
		select {
		case <-due:
			return
		case <-w.closing:
			return
		case j := <-refused:
			if w.of.running.Load() > 0 { // one was started meanwhile
				w.all.Go(func() { w.handOn(j) })
				continue
			}
			j.done <- result{err: eip.Unavailable(why, wait)}
		}
	}
}

// handOn leaves a job to another worker.
func (w *workers) handOn(j *job) {
	select {
	case w.jobs <- j:
	case <-j.ctx.Done():
		j.done <- result{err: j.ctx.Err()}
	case <-w.closing:
		j.done <- result{err: eip.ErrClosed}
	}
}
