package amqp

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// source consumes, and consumes anew when its AMQP channel is lost.
type source struct {
	topology topology
	broker   *Broker
	prefetch int
	replier  eip.Replier
	context  context.Context
	stop     context.CancelFunc

	mu      sync.Mutex
	current *consumer // nil while there is none
}

// consumer is one AMQP channel of a source.
type consumer struct {
	channel    *amqp.Channel
	deliveries <-chan amqp.Delivery
	window     *window
}

func (b *Broker) newSource(ctx context.Context, t topology, prefetch int) (*source, error) {
	if prefetch == 0 {
		prefetch = 1000
	}
	s := &source{topology: t, broker: b, prefetch: prefetch, replier: broker.Replies(b)}
	s.context, s.stop = context.WithCancel(context.Background())
	if err := b.track(s); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// begin consumes for the first time. What waiting cannot mend is an error.
func (s *source) begin(ctx context.Context) error {
	wait := s.broker.config.Reconnect.Min
	for {
		err := s.open(ctx)
		if err == nil || ctx.Err() != nil || eip.IsPermanent(err) {
			return err
		}
		s.again(err, wait)
		wait = min(2*wait, s.broker.config.Reconnect.Max)
	}
}

func (s *source) again(err error, wait time.Duration) {
	s.broker.config.Log.Warn("cannot consume", slog.String("queue", s.topology.queue), slog.Any("why", err), slog.Duration("again_in", wait))
	s.broker.consume.sleep(wait)
}

func (s *source) open(ctx context.Context) error {
	conn, err := s.broker.consume.connection(ctx)
	if err != nil {
		return err
	}
	if err := s.topology.ensure(conn); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Qos(s.prefetch, 0, false); err != nil {
		return fmt.Errorf("set prefetch: %w", err)
	}
	deliveries, err := ch.Consume(s.topology.queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume from %s: %w", s.topology.queue, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.context.Err() != nil {
		return eip.ErrClosed
	}
	s.current = &consumer{ch, deliveries, newWindow(ch)}
	return nil
}

// Receive returns the next message. While the broker is away it waits.
func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	wait := s.broker.config.Reconnect.Min
	for {
		s.mu.Lock()
		c := s.current
		s.mu.Unlock()
		if c != nil {
			select {
			case d, ok := <-c.deliveries:
				if ok {
					return s.message(c, &d), nil
				}
				s.lost(c)
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-s.context.Done():
				return nil, eip.ErrClosed
			}
		}
		if s.context.Err() != nil {
			return nil, eip.ErrClosed
		}
		if err := s.open(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if s.context.Err() != nil {
				return nil, eip.ErrClosed
			}
			s.again(err, wait)
			wait = min(2*wait, s.broker.config.Reconnect.Max)
		}
	}
}

func (s *source) message(c *consumer, d *amqp.Delivery) *eip.Message {
	m := receive(d, s.topology.queue, c.window.add(d.DeliveryTag))
	if m.ReplyTo != "" {
		m = m.WithReplier(s.replier)
	}
	return m
}

// lost gives up a consumer. Its queue may have been deleted while its AMQP channel
// is open; closing that gives back what was not settled.
func (s *source) lost(c *consumer) {
	s.mu.Lock()
	if s.current == c {
		s.current = nil
	}
	s.mu.Unlock()
	c.close()
	if s.context.Err() == nil {
		s.broker.config.Log.Warn("lost the consumer", slog.String("queue", s.topology.queue))
	}
}

func (c *consumer) close() {
	c.window.close()
	_ = c.channel.Close() // it may be lost
	go func() {           // the library does not buffer what comes meanwhile
		for range c.deliveries {
		}
	}()
}

// Close acknowledges what is settled, and gives back the rest.
func (s *source) Close() error {
	s.broker.untrack(s)
	s.stop()
	s.mu.Lock()
	c := s.current
	s.current = nil
	s.mu.Unlock()
	if c != nil {
		c.close()
	}
	return nil
}
