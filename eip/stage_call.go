package eip

import (
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A stageCall is one message at one stage.
type stageCall struct {
	*receipt
	first bool   // the message was not there in an earlier attempt
	noted uint64 // before the call

	followed   *Message // that has a span of the stage; nil: nobody follows it
	*stopwatch          // nil: the call is not measured
	began      time.Duration
	below      int64 // what other stages had taken of the message's time by then
}

// enter counts m as received by the stage.
func (l *chainLink) enter(m *Message) (c stageCall) {
	r := m.receipt
	if r == nil {
		return c
	}
	c.receipt = r
	if n := l.named; n != nil {
		n.watcher.see(m)
		c.noted = r.noted.Load()
		if c.first = r.reach(n.number); c.first {
			n.tallies.of(r).received.Add(1)
		} else {
			r.reachedAgain(n.Stage)
		}
	}
	if x := r.state; x != nil && x.measured {
		c.stopwatch, c.below, c.began = &x.stopwatch, x.taken.Load(), now()
	}
	return c
}

// leave takes the error of a stage call, or the panic that ended it. An error gets the
// address of the innermost stage, which is where the message failed.
func (l *chainLink) leave(c *stageCall, err *error) {
	if p := recover(); p != nil {
		*err = &panicked{p, debug.Stack()}
	}
	here := *err != nil && l.failedHere(*err)
	if here {
		*err = &StageError{Address: l.address, Err: *err}
	}
	if m := c.followed; m != nil && here {
		m.trace.end(m.trace.span, m, *err)
	} else if m != nil {
		m.trace.span.End(nil)
	}
	r := c.receipt
	if r == nil {
		return
	}
	if c.stopwatch != nil {
		l.measure(c)
	}
	if l.named == nil {
		return
	}
	t := l.named.tallies.of(r)
	noted := r.noted.Load() - c.noted
	if noted != 0 {
		r.noted.Add(-noted)
	}
	switch {
	case here:
		r.failedAt(t, c.first)
	case !c.first:
		r.passedAgain(t, noted)
	case noted != 0:
		t.pass(noted)
	default:
		t.sent.Add(1)
	}
}

// failedHere reports whether err is of the stage itself, and not of one in a body of it or
// behind it.
func (l *chainLink) failedHere(err error) bool {
	var at *StageError
	if errors.As(err, &at) && at.sent && at.body == "" {
		at.body = l.address // which has no stages
	}
	return at == nil && l.address != ""
}

// measure records what the stage itself took, without what followed it.
func (l *chainLink) measure(c *stageCall) {
	own := max(int64(now()-c.began)-(c.taken.Load()-c.below), 0)
	c.taken.Add(own)
	if l.named != nil && !c.test {
		l.named.tallies.latency.Record(time.Duration(own))
	}
}

// stopwatch measures one message.
type stopwatch struct {
	measured bool
	received time.Duration
	taken    atomic.Int64 // nanoseconds that stages took
}

var epoch = time.Now()

// now is cheaper than time.Now.
func now() time.Duration { return time.Since(epoch) }

// A sampler picks which messages are measured: all, while they come slowly, and of a
// stream one in about pace.
type sampler struct {
	skip, stride int
	last         time.Duration
}

const pace = 50 * time.Microsecond

func (p *sampler) pick() *attemptState {
	if p.skip--; p.skip > 0 {
		return nil
	}
	t := now()
	switch since := t - p.last; {
	case p.stride == 0 || since > 2*pace:
		p.stride = max(p.stride/2, 1)
	case since < pace:
		p.stride = min(p.stride*2, 1024)
	}
	p.last, p.skip = t, p.stride
	return &attemptState{stopwatch: stopwatch{measured: true, received: t}}
}
