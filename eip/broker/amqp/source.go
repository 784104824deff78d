package amqp

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// source consumes, and consumes anew when its AMQP channel is lost.
type source struct {
	remote.Hindrance
	topology topology
	broker   *Broker
	prefetch int
	bytes    int64
	ordered  bool // across a restart of the process, too
	single   *single
	replier  eip.Replier
	context  context.Context
	stop     context.CancelFunc
	left     sync.Once // the single

	mu      sync.Mutex
	current *consumer // nil while there is none

	link    *link    // that it was on last; of who opens
	opened  bool     // it had a consumer before; of who opens
	silent  bool     // the last consumer was lost without a word; of Receive
	orphans []orphan // of consumers that were lost; of Receive
}

// consumer is one AMQP channel of a source.
type consumer struct {
	conn       *connection
	channel    *amqp.Channel
	passing    string // the queue, where it goes with its last consumer
	deliveries <-chan amqp.Delivery
	window     *window
	closed     chan *amqp.Error
	progress   bool // something was received
}

func (b *Broker) newSource(ctx context.Context, t topology, sub broker.Subscription) (*source, error) {
	sub.Prefetch, sub.PrefetchBytes = cmp.Or(sub.Prefetch, 1000), cmp.Or(sub.PrefetchBytes, broker.DefaultPrefetchBytes)
	s := &source{topology: t, broker: b, prefetch: sub.Prefetch, bytes: int64(sub.PrefetchBytes), ordered: sub.Ordered, replier: broker.Replies(b)}
	s.context, s.stop = context.WithCancel(context.Background())
	if sub.Single != "" {
		s.single = b.single(sub.Single)
	}
	if err := b.opened.Add(s); err != nil {
		_ = s.Close()
		return nil, err
	}
	if err := remote.Begin(ctx, s.context, s.open, s.meet); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *source) meet(err error) time.Duration {
	return s.Meet(&s.broker.config, err, "cannot consume", slog.String("queue", s.topology.queue))
}

// open consumes anew.
func (s *source) open(ctx context.Context) error {
	if s.single != nil { // they must be on one connection
		s.link = s.single.on(s.link)
	}
	conn, err := s.broker.consume.hold(ctx, s.link)
	if err != nil {
		return err
	}
	s.link = conn.link
	c, err := s.declare(ctx, conn)
	if err != nil {
		conn.free()
		return conn.lostOr(err)
	}
	s.mu.Lock()
	closed := s.context.Err() != nil
	if !closed {
		s.current = c
	}
	s.mu.Unlock()
	if closed {
		s.close(c)
		return eip.ErrClosed
	}
	s.opened = true
	s.Over(&s.broker.config, "consuming again", slog.String("queue", s.topology.queue))
	return nil
}

// declare makes what is to be consumed from, and consumes.
func (s *source) declare(ctx context.Context, conn *connection) (*consumer, error) {
	if s.single != nil {
		if err := s.single.take(ctx, conn); err != nil {
			return nil, err
		}
	}
	if err := s.topology.ensure(ctx, conn); err != nil {
		return nil, err
	}
	look := func(call func(*amqp.Channel) error) error {
		return conn.call(ctx, "look at queue "+s.topology.queue, call)
	}
	if foreign := !s.topology.declare && s.topology.exchange == "" || s.topology.undeclared; foreign && queueType(look, s.topology.queue) == "stream" {
		return nil, eip.Permanent(fmt.Errorf("queue %s is a stream: %s", s.topology.queue, noStreams))
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	return s.consume(ctx, conn, ch)
}

func (s *source) consume(ctx context.Context, conn *connection, ch *amqp.Channel) (*consumer, error) {
	if s.opened || s.ordered {
		if err := s.awaitPredecessor(ctx, conn, ch); err != nil {
			go func() { _ = ch.Close() }() // it may be closed already, or waits
			return nil, fmt.Errorf("look at queue %s: %w", s.topology.queue, trouble(err))
		}
	}
	single, _ := s.topology.arguments["x-single-active-consumer"].(bool)
	w := newWindow(conn, ch, s.topology.lasts(), reading{wire: conn.wire.in, name: "eipd-" + eip.NewID(), queue: s.topology.queue,
		most: s.prefetch, budget: s.bytes, resumed: make(chan struct{}, 1),
		fixed: single || !s.topology.declare || s.topology.undeclared || s.topology.autoDelete})
	err := conn.limited(ctx, func() error {
		return conn.within("consume from "+s.topology.queue, func() error { return w.consume(s.prefetch) }, func() { hurry(conn, func() { _ = ch.Close() }) })
	})
	if err != nil {
		return nil, fmt.Errorf("consume from %s: %w", s.topology.queue, trouble(err))
	}
	go w.run()
	c := &consumer{conn: conn, channel: ch, deliveries: w.feed, window: w, closed: ch.NotifyClose(make(chan *amqp.Error, 1))}
	s.broker.consumers(s.topology.queue, 1)
	if s.topology.autoDelete {
		c.passing = s.topology.queue
	}
	return c, nil
}

// Receive returns the next message. While the broker is away it waits.
func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		s.mu.Lock()
		c := s.current
		s.mu.Unlock()
		if c != nil {
			select {
			case d, ok := <-c.deliveries:
				if ok {
					if e := c.window.add(&d); e != nil { // what is left of one will come again
						c.progress = true
						if m, err := s.message(&d, e); m != nil {
							return m, err
						}
						continue
					}
				}
				switch next, soon := c.window.next(c.deliveries); {
				case c.channel.IsClosed():
				case next != nil:
					c.deliveries = next
					continue
				case soon:
					select {
					case <-c.window.resumed:
					case <-ctx.Done():
					case <-s.context.Done():
					}
					continue
				}
				if s.lost(c); !c.progress {
					remote.Sleep(ctx, s.broker.config.Reconnect.Min)
				}
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-s.context.Done():
				return nil, eip.ErrClosed
			}
		}
		if err := remote.Again(ctx, s.context, s.open, s.meet); err != nil {
			return nil, err
		}
	}
}

// message makes a message of a delivery; nil of one that is worked on already.
func (s *source) message(d *amqp.Delivery, e eip.Settler) (*eip.Message, error) {
	m, err := receive(d, s.topology.address, e)
	own, ok := e.(*entry)
	if !ok {
		own = e.(*expiring).entry
	}
	own.message = m
	if s.adopt(m, own) {
		return nil, nil
	}
	if m.ReplyTo != "" {
		m = m.WithReplier(s.replier)
	}
	return m, err
}

// lost gives up a consumer. Its queue may have been deleted while its AMQP channel
// is open; closing that gives back what was not settled.
func (s *source) lost(c *consumer) {
	s.mu.Lock()
	if s.current == c {
		s.current = nil
	}
	s.mu.Unlock()
	why := "the queue was deleted, or moved"
	if c.window.lost() {
		if err := <-c.closed; err != nil { // which the library sends, or closes, now
			why = explain(err)
		}
	}
	s.silent = strings.Contains(why, "timeout")
	left := c.window.orphans()
	s.close(c)
	if s.orphans = append(s.orphans, left...); len(s.orphans) > s.prefetch {
		s.orphans = s.orphans[len(s.orphans)-s.prefetch:]
	}
	if s.context.Err() == nil && !c.conn.IsClosed() { // that is said once for all
		s.broker.config.Log.Warn("lost the consumer", slog.String("queue", s.topology.queue), slog.String("why", why))
	}
}

func (s *source) close(c *consumer) {
	hurry(c.conn, c.window.close)
	feed, _ := c.window.next(nil)
	go func() { // the library waits for who takes these
		for range feed {
		}
	}()
	hurry(c.conn, func() { // each of these fails where the channel is lost already
		if c.passing != "" { // the server would do it too, but at some later time
			_ = c.channel.Cancel(c.window.tag, false)
			_, _ = c.channel.QueueDelete(c.passing, true, false, false)
		}
		// The consumer goes and what it had comes back in one step: who sees no consumer
		// any more must not get what is behind it first.
		_ = c.channel.Close()
		c.conn.wire.in.forget(c.window.tag)
	})
	c.conn.free()
	s.broker.consumers(s.topology.queue, -1)
}

// Close acknowledges what is settled, and gives back the rest.
func (s *source) Close() error {
	s.broker.opened.Remove(s)
	s.stop()
	s.mu.Lock()
	c := s.current
	s.current = nil
	s.mu.Unlock()
	if c != nil {
		s.close(c)
	}
	if s.single != nil {
		s.left.Do(s.single.leave) // the broker closes it too, and who began to open it
	}
	return nil
}
