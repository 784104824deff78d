package stomp

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
	"github.com/eipd/eipd/eip/stats"
)

// mostUnconfirmed is how many messages of a sender are under way at most.
const mostUnconfirmed = 256

// sender sends in order, on a connection of its own, and again on another what was not
// confirmed when that is lost.
type sender struct {
	remote.Hindrance
	broker  *Broker
	channel broker.Channel // its Address is "" of who sends to Return Addresses
	traffic *stats.Traffic // nil: nobody counts
	credit  chan struct{}  // has an entry for each message under way
	start   *remote.Start
	ctx     context.Context
	stop    context.CancelFunc
	ended   chan struct{}

	sending  sync.Mutex // keeps the order of calls
	mu       sync.Mutex // guards what follows
	connects bool
	underWay []*outgoing // in order; what is sent comes first
	sent     int         // how many of them are, on the present connection
	work     chan struct{}
	change   chan struct{} // closed when the last one settles, or the connection is lost
}

// outgoing is a message that is not confirmed.
type outgoing struct {
	message *eip.Message
	to      string // of a Return Address; else the channel's
	group   string // its Message Group
	release func(error)
	lost    int // how often the connection was lost when it alone was under way
}

func (b *Broker) newSender(c broker.Channel) *sender {
	s := &sender{broker: b, channel: c, credit: make(chan struct{}, mostUnconfirmed), start: remote.NewStart(), ended: make(chan struct{}),
		work: make(chan struct{}, 1), change: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := b.opened.Add(s); err != nil {
		s.start.End(err)
		close(s.ended)
		return s
	}
	go s.run()
	return s
}

// wait waits until the sender can send.
func (s *sender) wait(ctx context.Context) error {
	return s.start.Wait(ctx, func() string {
		return fmt.Sprintf("the broker at %s (%s)", s.broker.config.URL.Host, s.broker.Status().Waiting)
	})
}

// Handle takes m for sending and returns; m is held until it is confirmed.
func (s *sender) Handle(ctx context.Context, m *eip.Message) error { return s.send(ctx, "", m) }

// ConfirmTo has t told of confirms.
func (s *sender) ConfirmTo(t *stats.Traffic) { s.traffic = t }

// Inbox opens an inbox on the sender's broker.
func (s *sender) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	return s.broker.Inbox(ctx, name)
}

func (s *sender) send(ctx context.Context, to string, m *eip.Message) error {
	group := ""
	if s.channel.GroupBy != nil {
		var err error
		if group, err = s.channel.GroupBy(ctx, m); err != nil {
			return err
		}
	}
	select {
	case s.credit <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return eip.ErrClosed
	}
	o := &outgoing{message: m, to: to, group: group, release: m.HoldFor(s.traffic)}
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.add(o); err != nil {
		s.release([]*outgoing{o}, err)
		return nil
	}
	s.poke()
	return nil
}

// add puts o behind what is under way. While it looks whether o is revoked, nothing is given
// up: o would be sent without those before it.
func (s *sender) add(o *outgoing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return eip.ErrClosed
	case o.message.Revoked():
		return eip.ErrRevoked
	}
	s.underWay = append(s.underWay, o)
	return nil
}

func (s *sender) poke() {
	select {
	case s.work <- struct{}{}:
	default:
	}
}

func (s *sender) name() string {
	if s.channel.Address == "" {
		return "return addresses"
	}
	return s.channel.Kind.String() + " " + s.channel.Address
}

// run keeps a session until Close.
func (s *sender) run() {
	defer close(s.ended)
	defer s.start.End(eip.ErrClosed)
	for trial := false; s.ctx.Err() == nil; {
		x, err := s.open(trial)
		if err == nil {
			s.start.Works()
			if s.left() == 0 {
				s.over()
			}
			trial, err = x.run()
			s.connected(false)
			if x.progress || err == nil {
				s.Pause = 0
			}
		}
		if s.ctx.Err() != nil {
			return
		}
		s.giveUp()
		if err == nil {
			continue
		}
		if s.start.Fails(err) {
			return
		}
		remote.Sleep(s.ctx, s.Meet(&s.broker.config, err, "cannot send", slog.String("to", s.name())))
	}
}

func (s *sender) over() {
	s.Over(&s.broker.config, "sending again", slog.String("to", s.name()))
}

func (s *sender) open(trial bool) (*session, error) {
	k, err := s.broker.connect(s.ctx, s, "")
	if err != nil {
		return nil, err
	}
	x := &session{sender: s, conn: k, trial: trial, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	s.sent = 0
	x.old = len(s.underWay)
	s.mu.Unlock()
	s.connected(true)
	k.start(x.take)
	return x, nil
}

func (s *sender) connected(yes bool) {
	s.mu.Lock()
	s.connects = yes
	s.changed()
	s.mu.Unlock()
}

// changed tells who waits. The lock is held.
func (s *sender) changed() {
	close(s.change)
	s.change = make(chan struct{})
}

func (s *sender) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.underWay)
}

// giveUp fails what is under way and revoked: its source will deliver it again.
func (s *sender) giveUp() {
	s.mu.Lock()
	var revoked []*outgoing
	s.underWay = slices.DeleteFunc(s.underWay, func(o *outgoing) bool {
		if !o.message.Revoked() {
			return false
		}
		revoked = append(revoked, o)
		return true
	})
	s.sent = 0
	s.changed()
	s.mu.Unlock()
	s.release(revoked, eip.ErrRevoked)
}

func (s *sender) release(all []*outgoing, err error) {
	for _, o := range all {
		<-s.credit
		o.release(err)
	}
}

// Close waits until everything is confirmed, and gives up the rest: after ten seconds, or
// where the broker is away.
func (s *sender) Close() error {
	s.broker.gone(s)
	s.settle()
	s.stop()
	<-s.ended
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	left := s.underWay
	s.underWay = nil
	s.mu.Unlock()
	s.release(left, eip.ErrClosed)
	if len(left) > 0 {
		return fmt.Errorf("close %s: %d messages were not confirmed", s.name(), len(left))
	}
	return nil
}

// settle waits until nothing is under way.
func (s *sender) settle() {
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		done, change := !s.connects || len(s.underWay) == 0, s.change
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-change:
		case <-s.ended:
			return
		case <-deadline.C:
			return
		}
	}
}
