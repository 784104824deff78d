package stomp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// ActiveMQ syncs its disk once for a transaction: there many messages are one, and a few
// are under way. RabbitMQ confirms a transaction before its messages are safe, so there
// each message has a receipt of its own.
const (
	mostInTransaction = 64
	mostTransactions  = 4
	strikes           = 3 // lost connections that one message may cost
)

// session is what a sender does on one connection.
type session struct {
	sender *sender
	conn   *conn
	wake   chan struct{}
	trial  bool // one message at a time, to find which one ends the connection; of run
	old    int  // how many messages under way are from before; of run
	began  int  // transactions; of run

	mu       sync.Mutex
	groups   int  // under way
	progress bool // something was confirmed
	tried    int  // messages that were settled
	failed   error
	again    bool // with one message at a time
}

// take is called with each frame that answers for nothing.
func (x *session) take(f *frame.Frame) error {
	if f.Command == "ERROR" {
		return refusal(f)
	}
	return errors.New("the server sends " + f.Command)
}

// run sends until the connection is lost or the sender closes. It reports whether the
// next session should send one message at a time.
func (x *session) run() (trial bool, err error) {
	s := x.sender
	defer func() {
		s.broker.lost(s, x.conn)
		x.conn.close()
	}()
	for {
		x.publish()
		select {
		case <-s.work:
		case <-x.wake:
		case <-x.conn.dead:
			return x.blame()
		case <-s.ctx.Done():
			x.conn.quiet.Store(true)
			return false, nil
		}
		x.mu.Lock()
		failed, again := x.failed, x.again
		x.mu.Unlock()
		if failed != nil {
			return again, failed
		}
	}
}

// room is how many messages may go in the next group; 0: none.
func (x *session) room() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.trial && x.tried >= x.old {
		x.trial = false
	}
	switch {
	case x.trial:
		return max(0, 1-x.groups)
	case !x.transacts():
		return 1
	case x.groups < mostTransactions:
		return mostInTransaction
	}
	return 0
}

// transacts reports whether messages go in transactions, even one alone: ActiveMQ stores
// what comes without one on another thread, so that a transaction behind it may overtake
// it. Those to Return Addresses do not, as each may be refused by itself.
func (x *session) transacts() bool {
	return x.conn.server == activemq && !x.trial && x.sender.channel.Address != ""
}

// publish sends what there is, as far as it may.
func (x *session) publish() {
	s := x.sender
	for {
		if err := x.conn.room(s.ctx); err != nil {
			return // the sender closes
		}
		n := x.room()
		s.mu.Lock()
		group := portion(s.underWay[s.sent:min(s.sent+n, len(s.underWay))])
		s.sent += len(group)
		s.mu.Unlock()
		if len(group) == 0 {
			return
		}
		x.mu.Lock()
		x.groups++
		x.mu.Unlock()
		x.send(group)
	}
}

// portion is a copy of the first of all, as many as are written at a time.
func portion(all []*outgoing) []*outgoing {
	for i, size := 0, int64(0); i < len(all); i++ {
		if size += all[i].message.Size(); size > mostUnwritten && i > 0 {
			return slices.Clone(all[:i])
		}
	}
	return slices.Clone(all)
}

// send sends a group. What cannot be sent fails alone.
func (x *session) send(group []*outgoing) {
	var good []*outgoing
	var frames []*frame.Frame
	bad := map[*outgoing]error{}
	for _, o := range group {
		f, err := x.frame(o)
		if err != nil {
			bad[o] = err
			continue
		}
		good, frames = append(good, o), append(frames, f)
	}
	if len(bad) > 0 {
		x.settle(group, bad, true)
	}
	if len(good) == 0 {
		x.end(nil, nil)
		return
	}
	commit := frames[0]
	if x.transacts() {
		x.began++
		id := strconv.Itoa(x.began)
		commit = frame.New("COMMIT", "transaction", id)
		_ = x.conn.post(frame.New("BEGIN", "transaction", id)) // where it is lost, so is what follows
		for _, f := range frames {
			f.Add("transaction", id)
			_ = x.conn.post(f)
		}
	}
	if err := x.conn.receipt(commit, func(err error) { x.end(good, err) }); err != nil {
		x.end(good, broker.ErrLost)
	}
}

// frame makes the SEND of a message. Whether a frame can be written is known beforehand.
func (x *session) frame(o *outgoing) (*frame.Frame, error) {
	s, on := x.sender, x.conn.server
	to := o.to
	if to == "" {
		to = on.sendTo(s.channel)
	}
	f, err := on.send(o.message, to, s.channel.TTL, time.Now())
	if err != nil {
		return nil, err
	}
	if s.channel.Kind == broker.Queue && !s.channel.Durable && o.to == "" {
		f.Add("durable", "false")
	}
	switch {
	case s.channel.GroupBy != nil && on == rabbitmq:
		f.Add(singleConsumer, "true")
	case o.group != "":
		f.Add("JMSXGroupID", o.group)
	}
	addArguments(f, s.channel, sends)
	if err := f.Check(x.conn.version); err != nil {
		return nil, eip.Permanent(fmt.Errorf("send: %w", err))
	}
	return f, nil
}

// end is called when a group is answered for, or will not be.
func (x *session) end(group []*outgoing, err error) {
	x.mu.Lock()
	x.groups--
	x.mu.Unlock()
	var e *serverError
	switch {
	case errors.Is(err, broker.ErrLost): // it is sent again
	case err == nil:
		x.settle(group, nil, false)
	case errors.As(err, &e) && len(group) == 1 && (group[0].to != "" || !denied(e)):
		x.settle(group, map[*outgoing]error{group[0]: fault(group[0], e)}, false)
	default:
		x.mu.Lock()
		x.failed, x.again = x.hindrance(err), len(group) > 1
		x.mu.Unlock()
	}
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// hindrance is what keeps the sender from sending: of one to Return Addresses, nothing
// that the server has against one of them.
func (x *session) hindrance(err error) error {
	if x.sender.channel.Address == "" {
		return fmt.Errorf("%w: %w", broker.ErrLost, err)
	}
	return trouble(err)
}

// settle releases messages: those of bad with their errors, and the others, unless only
// the bad ones are meant, as confirmed.
func (x *session) settle(group []*outgoing, bad map[*outgoing]error, only bool) {
	s := x.sender
	done := group
	if only {
		done = nil
		for _, o := range group {
			if bad[o] != nil {
				done = append(done, o)
			}
		}
	}
	s.mu.Lock()
	if len(done) > 0 && len(s.underWay) >= len(done) && slices.Equal(s.underWay[:len(done)], done) {
		clear(s.underWay[:len(done)])
		s.underWay = s.underWay[len(done):]
	} else {
		s.underWay = slices.DeleteFunc(s.underWay, func(o *outgoing) bool { return slices.Contains(done, o) })
	}
	s.sent -= len(done)
	idle := len(s.underWay) == 0
	if idle {
		s.changed()
	}
	s.mu.Unlock()
	x.mu.Lock()
	first := !x.progress
	x.progress = true
	x.tried += len(done)
	x.mu.Unlock()
	for _, o := range done {
		<-s.credit
		o.release(bad[o])
	}
	if first {
		s.over()
	}
}
