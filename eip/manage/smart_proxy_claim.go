package manage

import "github.com/eipd/eipd/eip"

// claim takes the exchange that a reply belongs to, so that nobody else answers
// it; nil where the reply is a double or matches nothing. finish must follow.
func (l *ledger) claim(c correlation) *exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := exchangeKey{c.nonce, c.number}
	x := l.exchanges[key]
	switch {
	case x == nil:
		return l.claimStray(key, c)
	case x.state == outstanding:
		l.waiting.Remove(x.place)
		l.returning++
	case x.state == overdue:
		l.overdue.Remove(x.place)
		x.late = true
	default:
		return nil
	}
	x.state, x.arrived = answering, l.clock.Now()
	return x
}

// claimStray decides about a reply to a request that is not in the books. It is
// brought back where it may be the first one: to a request of another process, of
// an earlier run, or one that timed out long ago.
func (l *ledger) claimStray(key exchangeKey, c correlation) *exchange {
	if c.kind == kept || c.nonce == l.nonce && c.sent.After(l.forgotten) {
		return nil
	}
	x := &exchange{exchangeKey: key, sent: c.sent, arrived: l.clock.Now(), state: answering, stray: true}
	x.late = c.nonce == l.nonce
	l.exchanges[key] = x
	return x
}

// foreign reports whether another process forwarded the request.
func (x *exchange) foreign() bool { return x.stray && !x.late }

// finish says what became of the reply. One that could not be delivered leaves the
// exchange as it was, for the reply will come again.
func (l *ledger) finish(x *exchange, err error) {
	l.mu.Lock()
	if x.stray {
		l.finishStray(x, err)
		l.mu.Unlock()
		return
	}
	if !x.late {
		l.returning--
	}
	switch {
	case err != nil && x.late:
		l.remember(x)
	case err != nil:
		l.restore(x)
	default:
		delete(l.exchanges, x.exchangeKey)
		if x.late {
			l.late++
		} else {
			l.replies++
		}
		l.roundTrips.Record(x.arrived.Sub(x.sent))
	}
	closed := l.closed
	l.mu.Unlock()
	switch {
	case err == nil:
		x.end(nil)
	case closed && x.kept:
		l.giveBack(x, eip.ErrClosed)
	}
}

func (l *ledger) finishStray(x *exchange, err error) {
	if err != nil {
		delete(l.exchanges, x.exchangeKey)
		return
	}
	if x.late {
		l.late++
	} else {
		l.foreign++
	}
	x.state, x.place = answered, l.strays.PushBack(x)
	if l.strays.Len() > mostStrays {
		delete(l.exchanges, l.strays.Remove(l.strays.Front()).(*exchange).exchangeKey)
	}
}

// restore makes an exchange outstanding again, at its place in time.
func (l *ledger) restore(x *exchange) {
	x.state = outstanding
	e := l.waiting.Front()
	for e != nil && e.Value.(*exchange).sent.Before(x.sent) {
		e = e.Next()
	}
	if e == nil {
		x.place = l.waiting.PushBack(x)
	} else {
		x.place = l.waiting.InsertBefore(x, e)
	}
	l.arm()
}

// counts returns a consistent view: requests are replies, outstanding, timed_out
// and failed together, and late ones are among timed_out.
func (l *ledger) counts() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]int64{"requests": l.requests, "replies": l.replies, "outstanding": int64(l.waiting.Len()) + l.returning,
		"timed_out": l.timedOut, "late": l.late, "failed": l.failed, "foreign": l.foreign}
}

// owns reports whether the request is one of this process.
func (l *ledger) owns(c correlation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.nonce == l.nonce
}
