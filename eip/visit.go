package eip

import (
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A visit is one message at one stage.
type visit struct {
	*receipt
	first bool   // the message was not there in an earlier attempt
	noted uint32 // before the visit

	span   Span // nil: nobody follows the message
	*clock      // nil: the visit is not measured
	began  time.Duration
	below  int64 // what other stages had taken of the message's time by then
}

// enter counts m as received by the link's stage.
func (l *link) enter(m *Message) (v visit) {
	r := m.receipt
	if r == nil {
		return v
	}
	v.receipt = r
	if n := l.named; n != nil {
		n.watch.see(m)
		v.noted = r.noted.Load()
		if v.first = r.visits(n.slot); v.first {
			n.tallies.of(r).received.Add(1)
		} else {
			r.reachedAgain(n.Stage)
		}
	}
	if x := r.extra; x != nil && x.measured {
		v.clock, v.below, v.began = &x.clock, x.taken.Load(), now()
	}
	return v
}

// leave takes the error of a visit, or the panic that ended it. An error gets the
// address of the innermost stage, which is where the message failed.
func (l *link) leave(v *visit, err *error) {
	if p := recover(); p != nil {
		*err = &panicked{p, debug.Stack()}
	}
	here := *err != nil && l.address != "" && addressOf(*err) == ""
	if here {
		*err = &StageError{Address: l.address, Err: *err}
	}
	if v.span != nil {
		if here {
			v.span.End(*err)
		} else {
			v.span.End(nil)
		}
	}
	r := v.receipt
	if r == nil {
		return
	}
	if v.clock != nil {
		l.measure(v)
	}
	if l.named == nil {
		return
	}
	t := l.named.tallies.of(r)
	noted := r.noted.Load() - v.noted
	if noted != 0 {
		r.noted.Add(-noted)
	}
	switch {
	case here:
		r.failedAt(t, v.first)
	case !v.first:
		r.passedAgain(t, noted)
	case noted != 0:
		t.pass(noted)
	default:
		t.sent.Add(1)
	}
}

// measure records what the stage itself took, without what followed it.
func (l *link) measure(v *visit) {
	own := max(int64(now()-v.began)-(v.taken.Load()-v.below), 0)
	v.taken.Add(own)
	if l.named != nil && !v.test {
		l.named.tallies.latency.Record(time.Duration(own))
	}
}

// clock measures one message.
type clock struct {
	measured bool
	received time.Duration
	taken    atomic.Int64 // nanoseconds that stages took
}

var epoch = time.Now()

// now is cheaper than time.Now.
func now() time.Duration { return time.Since(epoch) }

// A pacer picks which messages are measured: all, while they come slowly, and of a
// stream one in about pace.
type pacer struct {
	skip, stride int
	last         time.Duration
}

const pace = 50 * time.Microsecond

func (p *pacer) pick() *extra {
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
	return &extra{clock: clock{measured: true, received: t}}
}
