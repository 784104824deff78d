package amqp

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"

	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// directReply begins the addresses of clients that take replies without a queue.
// The server returns what is sent there as mandatory, for want of a queue.
const directReply = "amq.rabbitmq.reply-to."

// target is where a sender publishes to.
type target struct {
	topology
	key       string // of a queue; a topic's is the message's own
	mandatory bool
}

// outgoing is a message that was published and is not confirmed.
type outgoing struct {
	message    *eip.Message
	publishing amqp.Publishing
	key        string
	mandatory  bool
	release    func(error)
	sent       bool                       // in this session
	confirm    *amqp.DeferredConfirmation // nil until it is
	returned   *amqp.Return
}

// mostUnconfirmed is how many messages of a sender are under way at most: RabbitMQ
// confirms in bursts, between which fewer would leave it idle.
const mostUnconfirmed = 256

// sender publishes in order, and mends its AMQP channel when it is lost.
type sender struct {
	target
	remote.Hindrance
	broker  *Broker
	traffic *stats.Traffic // nil: nobody counts
	credit  chan struct{}  // has an entry for each message under way
	start   *remote.Start
	stop    context.CancelFunc
	ctx     context.Context
	ended   chan struct{}
	apart   bool          // it needs a channel of its own; of run
	idle    chan struct{} // nothing is under way any more

	publishing sync.Mutex // keeps the order of publishes
	mu         sync.Mutex // guards what follows
	conn       *connection
	lane       *session // nil while there is none to publish on
	frame      int
	underWay   []*outgoing // in the order of publishing
}

func (b *Broker) newSender(t target) *sender {
	s := &sender{target: t, broker: b, credit: make(chan struct{}, mostUnconfirmed),
		start: remote.NewStart(), ended: make(chan struct{}), idle: make(chan struct{}, 1)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := b.opened.Add(s); err != nil {
		s.start.End(err)
		close(s.ended)
		return s
	}
	go s.run()
	return s
}

// wait waits until the sender can publish.
func (s *sender) wait(ctx context.Context) error {
	return s.start.Wait(ctx, func() string {
		return fmt.Sprintf("RabbitMQ at %s (%s)", s.broker.config.URL.Host, s.broker.publish.waitsFor())
	})
}

// Handle publishes m and returns; m is held until it is confirmed.
func (s *sender) Handle(ctx context.Context, m *eip.Message) error {
	key := s.key
	if s.exchange != "" {
		key = m.Key
	}
	return s.send(ctx, key, m)
}

// ConfirmTo has t told of confirms.
func (s *sender) ConfirmTo(t *stats.Traffic) { s.traffic = t }

func (s *sender) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	return s.broker.Inbox(ctx, name)
}

func (s *sender) send(ctx context.Context, key string, m *eip.Message) error {
	p, err := publishing(m, s.broker.config.URL.User.Username(), s.frameSize())
	if err != nil {
		return eip.Permanent(fmt.Errorf("publish: %w", err))
	}
	if err := s.takeCredit(ctx); err != nil {
		return err
	}
	o := &outgoing{message: m, publishing: p, key: key, mandatory: s.mandatory && !strings.HasPrefix(key, directReply), release: m.HoldFor(s.traffic)}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	x, err := s.add(o)
	switch {
	case err != nil:
		s.release([]*outgoing{o}, err)
	case x != nil: // else mending publishes it
		x.publish(o)
	}
	return nil
}

// add puts o behind what is under way, and returns the lane to publish it on. While it looks
// whether o is revoked, nothing is given up: o would be published without those before it.
func (s *sender) add(o *outgoing) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return nil, eip.ErrClosed
	case o.message.Revoked():
		return nil, eip.ErrRevoked
	}
	o.sent = s.lane != nil
	s.underWay = append(s.underWay, o)
	return s.lane, nil
}

// takeCredit waits until one more message may be under way.
func (s *sender) takeCredit(ctx context.Context) (err error) {
	select {
	case s.credit <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return eip.ErrClosed
	}
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		if err = conn.link.flowing(ctx); err == nil {
			err = conn.wire.drained(ctx)
		}
	}
	if err != nil {
		<-s.credit
	}
	return err
}

func (s *sender) frameSize() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame
}

// run keeps a lane until Close.
func (s *sender) run() {
	defer close(s.ended)
	defer s.start.End(eip.ErrClosed)
	var next manner
	for s.ctx.Err() == nil {
		session, err := s.connect(next)
		if err == nil {
			s.start.Works()
			if s.settled() { // else a confirm tells
				s.Over(&s.broker.config, "publishing again", slog.String("to", s.name()))
			}
			next, err = session.run()
			if session.progress || err == nil {
				s.Pause = 0
				continue
			}
			if !session.trial && !s.apart && (next.trial || s.settled()) { // it may be another sender's fault
				continue
			}
			err = session.trunk.conn.lostOr(err)
		}
		if s.ctx.Err() != nil {
			return
		}
		if s.start.Fails(err) {
			return
		}
		remote.Sleep(s.ctx, s.Meet(&s.broker.config, err, "cannot publish", slog.String("to", s.name())))
	}
}

func (s *sender) name() string {
	switch {
	case s.exchange != "":
		return "topic " + s.exchange
	case s.key != "":
		return "queue " + s.key
	}
	return "return addresses"
}

// connect declares the target and joins a trunk.
func (s *sender) connect(m manner) (*session, error) {
	conn, err := s.broker.publish.any(s.ctx)
	if err != nil {
		return nil, err
	}
	if err := s.ensure(s.ctx, conn); err != nil {
		return nil, conn.lostOr(err)
	}
	x := &session{sender: s, manner: m, began: time.Now(), hindered: s.Trouble() != nil, published: make(chan struct{}, 1), left: -1}
	s.mu.Lock()
	for _, o := range s.underWay {
		o.sent, o.confirm, o.returned = false, nil, nil
	}
	s.mu.Unlock()
	if err := s.broker.board(s.ctx, x, m.trial || s.apart); err != nil {
		return nil, err
	}
	conn = x.trunk.conn
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.frame = conn, conn.Config.FrameSize
	return x, nil
}
