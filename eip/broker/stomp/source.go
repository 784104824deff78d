package stomp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
	"github.com/eipd/eipd/eip/internal/redelivery"
)

// source subscribes on a connection of its own, and subscribes anew on another when that
// is lost.
type source struct {
	remote.Hindrance
	broker   *Broker
	channel  broker.Channel
	sub      broker.Subscription
	clientID string
	// successor: the client-id is that of the process that ran in this data directory
	// before, whose connection the server may still have; of who opens.
	successor bool
	replier   eip.Replier
	inbox     bool                   // of this process alone
	address   atomic.Pointer[string] // of an inbox that the server has named
	context   context.Context
	stop      context.CancelFunc
	again     redelivery.Queue[*delivery]
	wake      chan struct{}

	mu      sync.Mutex
	current *consumer // nil while there is none
	onLost  func(error)
	onBack  func()
}

func (b *Broker) newSource(ctx context.Context, c broker.Channel, sub broker.Subscription) (*source, error) {
	s := b.prepare(c, sub)
	if err := b.opened.Add(s); err != nil {
		return nil, err
	}
	if err := remote.Begin(ctx, s.context, s.open, s.meet); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (b *Broker) prepare(c broker.Channel, sub broker.Subscription) *source {
	sub.Prefetch, sub.PrefetchBytes = cmp.Or(sub.Prefetch, 1000), cmp.Or(sub.PrefetchBytes, broker.DefaultPrefetchBytes)
	s := &source{broker: b, channel: c, sub: sub, replier: broker.Replies(b), wake: make(chan struct{}, 1), clientID: "eipd-" + eip.NewID()}
	if sub.Ordered && b.config.DataDir != "" {
		s.clientID, s.successor = b.lasting(c, sub), true
	}
	if c.Kind == broker.Topic && !c.Virtual && !sub.Exclusive {
		// A name that all processes use: one reads, and the others stand by.
		s.clientID, s.successor = "eipd-"+c.Address+"-"+sub.Name, false
	}
	s.again.Changed = s.poke
	s.context, s.stop = context.WithCancel(context.Background())
	return s
}

func (s *source) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *source) meet(err error) time.Duration {
	return s.Meet(&s.broker.config, err, "cannot subscribe", slog.String(s.channel.Kind.String(), s.channel.Address))
}

// open subscribes anew.
func (s *source) open(ctx context.Context) error {
	k, err := s.connect(ctx)
	if err != nil {
		return err
	}
	c := &consumer{source: s, conn: k, feed: make(chan *delivery, s.sub.Prefetch+1), room: make(chan struct{}, 1), lasting: s.channel.Durable && s.lasts()}
	if s.temporary(k.server) {
		c.learned = make(chan string, 1)
	}
	if s.sub.Select != "" && !k.server.selects() {
		k.close()
		return &broker.Trouble{Refused: true, Err: errors.New("select: this server has no selectors, as ActiveMQ has")}
	}
	k.start(c.take)
	err = k.ask(ctx, s.subscribe(k.server))
	if err == nil && s.temporary(k.server) {
		err = c.learn(ctx)
	}
	if err != nil {
		k.close()
		return trouble(err)
	}
	s.mu.Lock()
	closed := s.context.Err() != nil
	if !closed {
		s.current = c
	}
	told := s.onBack
	s.mu.Unlock()
	if closed {
		k.close()
		return eip.ErrClosed
	}
	if told != nil {
		told()
	}
	s.Over(&s.broker.config, "subscribed again", slog.String(s.channel.Kind.String(), s.channel.Address))
	return nil
}

// lasts reports whether what it reads outlives its connection.
func (s *source) lasts() bool { return s.channel.Kind == broker.Queue || s.sub.Durable }

// subscribe is what it asks the server for. What one server does not know, it ignores.
func (s *source) subscribe(on server) *frame.Frame {
	prefetch, to := strconv.Itoa(s.sub.Prefetch), on.subscribeTo(s.channel, s.sub)
	if s.temporary(on) {
		to = temporary
	}
	f := frame.New("SUBSCRIBE", "id", "0", "destination", to, "ack", "client-individual",
		"prefetch-count", prefetch, "activemq.prefetchSize", prefetch)
	if s.channel.Kind == broker.Topic && !s.sub.Exclusive {
		durable := strconv.FormatBool(s.sub.Durable)
		if on == rabbitmq {
			f.Add("x-queue-name", s.channel.Address+"."+s.sub.Name)
			f.Add("durable", durable)
			f.Add("auto-delete", strconv.FormatBool(!s.sub.Durable))
		} else if s.sub.Durable && !s.channel.Virtual {
			f.Add("activemq.subscriptionName", s.sub.Name)
			f.Add("durable-subscription-name", s.sub.Name) // Artemis
		}
	}
	if s.channel.Kind == broker.Queue && !s.channel.Durable {
		f.Add("durable", "false")
		if s.inbox {
			f.Add("auto-delete", "true")
			f.Add("exclusive", "true")
		}
	}
	if s.channel.GroupBy != nil && on == rabbitmq {
		f.Add(singleConsumer, "true")
	}
	if s.sub.Select != "" {
		f.Add("selector", s.sub.Select)
	}
	addArguments(f, s.channel, receives)
	return f
}

// singleConsumer has one consumer at a time get all: RabbitMQ knows no message groups.
const singleConsumer = "x-single-active-consumer"

func addArguments(f *frame.Frame, c broker.Channel, to side) {
	for name, v := range c.Arguments {
		if argument(name, to) {
			f.Add(name, fmt.Sprint(v))
		}
	}
}

// Receive returns the next message. While the broker is away it waits.
func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		s.mu.Lock()
		c := s.current
		s.mu.Unlock()
		if c != nil {
			if d, ok := s.again.Take(); ok {
				if d.consumer == c {
					return d.once(true)
				}
				continue // it comes from the server
			}
			select {
			case d := <-c.feed:
				if c.conn.lost() == nil { // else it will come again
					return d.once(false)
				}
			case <-s.wake:
			case <-c.conn.dead:
				s.lost(ctx, c)
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-s.context.Done():
				return nil, eip.ErrClosed
			}
			continue
		}
		if err := remote.Again(ctx, s.context, s.open, s.meet); err != nil {
			return nil, err
		}
	}
}

// lost gives up a consumer.
func (s *source) lost(ctx context.Context, c *consumer) {
	s.mu.Lock()
	mine := s.current == c
	if mine {
		s.current = nil
	}
	told := s.onLost
	s.mu.Unlock()
	if !mine {
		return
	}
	s.broker.lost(s, c.conn)
	why := c.conn.lost()
	if told != nil {
		told(fmt.Errorf("%w: %w", broker.ErrLost, why))
	}
	c.conn.close()
	if quiet := (silence{}); errors.As(why, &quiet) && c.conn.server != activemq {
		// The server has not noticed yet, and would give what is behind it to the next
		// consumer first. ActiveMQ has the client-id for that.
		remote.Sleep(ctx, 2*quiet.Duration)
	}
	if large := (surplus{}); errors.As(why, &large) {
		s.sub.Prefetch = large.fits
		s.broker.config.Log.Info("fewer messages are taken at a time, for they are large", slog.String(s.channel.Kind.String(), s.channel.Address), slog.Int("prefetch", large.fits))
	}
	remote.Sleep(ctx, s.broker.config.Reconnect.Min)
}

// Close acknowledges what is settled, and gives back the rest, which the server does when
// the connection ends.
func (s *source) Close() error {
	s.broker.gone(s)
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
