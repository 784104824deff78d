package eip

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip/internal/rarely"
	"github.com/eipd/eipd/eip/stats"
)

// A Flow takes messages from a Source, walks each through Stages and hands it to
// To, with at most Window of them unsettled. Fields must not change once Run is
// called.
type Flow struct {
	Name   string
	Source Source
	Stages []Stage
	// Stays has a run go on once its source has ended and its stages have finished, until
	// its context ends: what they still wait for, a reply say, may come later.
	Stays bool
	// To takes what passes all stages. It may be nil where they let nothing pass.
	To Handler
	// Beside are stages that messages pass within To, or within what stages send to:
	// who makes these Handlers chains them. The Flow opens, numbers and closes them after
	// Stages.
	Beside []Stage

	// Concurrency is how many messages are worked on at once; 1 (also 0) keeps the
	// source's order.
	Concurrency int
	// OrderBy gives a key; with Concurrency, messages of equal key keep their order.
	OrderBy Text
	// Window is the most messages that are unsettled at any time; 0 means 1000. A run
	// begins with few, and has all when some thousands have settled.
	Window int
	// WindowBytes is how much memory they may take before the flow takes no further
	// one, bodies made of them included; 0 means 64 MiB.
	WindowBytes Bytes
	// MaxBody is the longest body that is worked on; 0: no limit. What is longer is
	// invalid.
	MaxBody Bytes
	Retry   Retry
	// DeadLetter takes messages that still fail after the last attempt, with
	// headers that say why, where and when. nil: the source is told of the failure.
	DeadLetter Handler
	// Invalid takes messages that cannot be read or evaluated. nil: DeadLetter.
	Invalid Handler
	// ErrorReply, where set, makes the reply to a message that failed for good, out of its
	// error. It goes to the Return Address, unless a reply has got there already. What
	// failed is settled then, also where it goes to no DeadLetter.
	ErrorReply func(error) *Message
	// Timeout is how long a message may take from when the flow took it, all attempts
	// included; 0: no limit. One that is not begun by then is not begun, and is Dropped.
	// The context of one that is worked on ends, and it fails for good with ErrExpired.
	Timeout time.Duration
	// Grace is how long Run finishes what is in flight after its context ended; 0
	// means 30 s. Closing Abort, where it is set, ends the grace early.
	Grace time.Duration
	Abort <-chan struct{}
	// History has the flow keep a Message History in the header eip-history: the
	// addresses that a message has passed, and when.
	History bool
	// Env is what stages are opened with, but for their address.
	Env Env
	// Ready, where set, is called when the stages are open and the flow is about
	// to take its first message.
	Ready func()
	// Discreet, where set, makes of the error that a message failed with the one that
	// is logged, traced, told to the source and written into dead letters.
	Discreet func(*Message, error) error
	// Traced, where set, is told what became of each Test Message, and why.
	Traced func(m *Message, how stats.Outcome, err error)

	tallies            tallies
	inFlight           load
	sampler            sampler // of the goroutine that receives
	running            gate
	watcher            watcher
	pendingDeadLetters pendingDeadLetters
	lastFailure        atomic.Pointer[Headers]
	makers             sync.Map   // what follows a stage that makes messages, by its address
	refused, unheard   rarely.Log // of error replies
}

// Retry says how often a failed message is tried, and when.
type Retry struct {
	// Attempts counts the first one too; 0 means 3, and 10 of what is Unavailable,
	// which is half a minute or more.
	Attempts int
	// Delay is the time before the second attempt; each further one waits twice as
	// long, up to MaxDelay, less a random part of up to a half. One that asks for more
	// time gets it, up to MaxDelay. 0 means 100 ms and 30 s.
	Delay    time.Duration
	MaxDelay time.Duration
	// Ordered holds back what is behind a failed message in its lane until the
	// message is settled. It costs pipelining: each message is settled before the
	// next one of its lane is begun.
	Ordered bool
}

// Counts returns what became of the messages that the flow received since it was
// made, and of Test Messages apart from them. It is safe for concurrent use.
func (f *Flow) Counts() (business, tests stats.Counts) {
	return f.tallies.business.counts(), f.tallies.tests.counts()
}

// Trouble says what a stage of the flow uses and does not work; nil: all does.
func (f *Flow) Trouble() error { return troubleOf(f.all()) }

// InFlight is how many messages are unsettled, Test Messages too.
func (f *Flow) InFlight() int64 { return f.inFlight.messages() }

// Latency returns how long messages took from their source until they were
// settled.
func (f *Flow) Latency() *stats.Histogram { return &f.tallies.latency }

// Run works until the source ends (nil), the source fails (its error), or ctx
// ends: then it takes nothing more and finishes what is in flight for Grace at
// most. It returns nil when everything was settled, else an error that says how
// many messages are left to the source. Run must not be called twice at once.
func (f *Flow) Run(ctx context.Context) (err error) {
	x := f.prepare()
	ctx, stop := context.WithCancel(ctx)
	x.ctx = ctx
	defer x.limit(ctx)()
	opened, err := x.open(ctx)
	defer func() {
		stop() // closing has no more than the grace either
		// What a stage still has in a buffer goes to those after it and within it.
		for _, c := range opened {
			err = errors.Join(err, c.Close(x.closing))
		}
	}()
	if err != nil {
		return err
	}
	f.running.open(x) // who is told that it is ready may inject
	if f.Ready != nil {
		f.Ready()
	}
	close(x.begun)
	received := make(chan error, 1)
	go func() {
		err := x.receive(ctx)
		close(x.ended)
		received <- err
	}()
	select {
	case err = <-received:
		if err == nil && ctx.Err() == nil {
			x.finishAll(ctx, opened)
			x.stay(ctx)
		}
	case <-x.over: // it is stuck in a handler
	}
	f.running.open(nil)
	if left := x.drain(); left > 0 {
		err = errors.Join(err, fmt.Errorf("flow %s: stopped with %d messages unsettled; their source will deliver them again", f.Name, left))
	}
	return err
}

// run is one Run of a Flow.
type run struct {
	*Flow
	head     Handler
	lanes    []lane
	start    slowStart
	shared   chan *Message // feeds all lanes, where there is no OrderBy
	seed     maphash.Seed
	working  sync.WaitGroup
	giveUp   chan *receipt   // to the dead-letter worker; never blocks, as it holds a window
	ctx      context.Context // ends when the flow is to stop
	work     context.Context // of handlers and of waiting; ends with the grace
	stopWork context.CancelFunc
	left     atomic.Int64    // what was in flight when the grace was over
	over     chan struct{}   // closed a little later: those who do not heed work are left alone
	closing  context.Context // of stages' Close
	begun    chan struct{}   // closed when messages may come
	ended    chan struct{}   // closed when none will come from the source
	finished atomic.Bool
	waiting  atomic.Bool // the receiver waits for free
	free     chan struct{}
}

func (f *Flow) prepare() *run {
	f.Concurrency = max(f.Concurrency, 1)
	f.Window = orElse(f.Window, 1000)
	f.WindowBytes = orElse(f.WindowBytes, 64<<20)
	f.Grace = orElse(f.Grace, 30*time.Second)
	f.Retry.Delay = orElse(f.Retry.Delay, 100*time.Millisecond)
	f.Retry.MaxDelay = orElse(f.Retry.MaxDelay, 30*time.Second)
	if f.Invalid == nil {
		f.Invalid = f.DeadLetter
	}
	if f.Env.Log == nil {
		f.Env.Log = slog.New(slog.DiscardHandler)
	}
	if f.Env.Flow == "" {
		f.Env.Log = f.Env.Log.With(slog.String("flow", f.Name))
	}
	f.Env.Flow = f.Name
	numberStages(f.all())
	x := &run{Flow: f, head: Chain(f.Stages, f.To), lanes: make([]lane, f.Concurrency), start: slowStart{first: firstWindow},
		seed: maphash.MakeSeed(), giveUp: make(chan *receipt, f.Window), over: make(chan struct{}), begun: make(chan struct{}), ended: make(chan struct{}), free: make(chan struct{}, 1)}
	x.work, x.stopWork = context.WithCancel(context.Background())
	return x
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// all are the stages that messages pass, wherever these stand.
func (f *Flow) all() []Stage { return slices.Concat(f.Stages, f.Beside) }
