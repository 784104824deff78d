package stomp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

func init() {
	for _, scheme := range []string{"stomp", "stomps"} {
		broker.Registry.Add(scheme, func() broker.Transport {
			return broker.Transport{Open: Open, Capabilities: capabilities, CapabilitiesAt: capabilitiesAt, CheckURL: checkURL, Check: check, Ping: ping, Plan: plan}
		})
	}
}

// capabilities are what every server can do, and what a server can that nobody knows yet.
var capabilities = broker.Capabilities{Durable: true, TTL: true, Headers: true, GivesBackInOrder: true, RequestReply: true, MessageGroups: true, Select: true}

func capabilitiesAt(u *url.URL) broker.Capabilities {
	can := capabilities
	can.Select = serverOf(u, "") != rabbitmq
	return can
}

// Broker is a server that speaks STOMP.
type Broker struct {
	config broker.Config
	direct func() *sender // to Return Addresses; opened when first used

	opened  remote.Opened
	mu      sync.Mutex // guards what follows
	server  server
	waiting map[io.Closer]string // what keeps sources and senders from being connected
	said    map[string]bool
}

// Open prepares a broker. It does not wait for a connection: sources and senders do.
func Open(_ context.Context, c broker.Config) (broker.Broker, error) {
	if c.URL.Host == "" {
		return nil, fmt.Errorf("the URL %s names no host", remote.Redact(c.URL.String()))
	}
	b := &Broker{config: c, server: serverOf(c.URL, ""), waiting: map[io.Closer]string{}, said: map[string]bool{}}
	b.direct = sync.OnceValue(func() *sender { return b.newSender(broker.Channel{}) })
	return b, nil
}

// Dial opens a server that speaks STOMP for a Go program, as [broker.Dial] does.
func Dial(ctx context.Context, url string, opts ...func(*broker.Config)) (*broker.Connection, error) {
	return broker.Dial(ctx, url, opts...)
}

// Capabilities are those of the server that was found, or that the URL names.
func (b *Broker) Capabilities() broker.Capabilities {
	b.mu.Lock()
	defer b.mu.Unlock()
	can := capabilities
	can.SharedSubscriptions, can.Browse, can.Select = b.server == rabbitmq, b.server == activemq, b.server.selects()
	return can
}

// Status says how the connections do.
func (b *Broker) Status() broker.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended := b.opened.Ended()
	s := broker.Status{URL: remote.Redact(b.config.URL.String()), Connected: !ended}
	for _, why := range b.waiting {
		s.Connected, s.Waiting = false, why
	}
	if ended {
		s.Waiting = "closed"
	}
	return s
}

// Source subscribes to a queue or topic.
func (b *Broker) Source(ctx context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	return b.newSource(ctx, c, s)
}

// Sender sends to a queue or topic.
func (b *Broker) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	s := b.newSender(c)
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// SendTo sends to a queue by its address, as a Return Address names it.
func (b *Broker) SendTo(ctx context.Context, address string, m *eip.Message) error {
	s := b.direct()
	if err := s.wait(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	server := b.server
	b.mu.Unlock()
	to, err := server.address(address)
	if err != nil {
		return err
	}
	return s.send(ctx, to, m)
}

// Named reports whether the server made the name of a queue: of no other client's.
func (b *Broker) Named(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == rabbitmq {
		return strings.HasPrefix(address, "amq.gen-") || strings.HasPrefix(address, "amq.rabbitmq.reply-to.")
	}
	return strings.HasPrefix(address, remoteQueue)
}

// Close closes everything that was opened on the broker.
func (b *Broker) Close() error { return b.opened.Close() }

// gone notes that a source or sender closes.
func (b *Broker) gone(o io.Closer) {
	b.opened.Remove(o)
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, o)
}

var errTaken = errors.New("another connection still has it, or another process does")

// connect dials for a source or sender, one URL after the other. What is wrong with the
// network or the login is logged once for all, and is broker.ErrLost; what the server has
// against this one alone is a broker.Trouble.
func (b *Broker) connect(ctx context.Context, who io.Closer, clientID string) (*conn, error) {
	var err error
	for _, raw := range append([]string{b.config.URL.String()}, b.config.URLs...) {
		var k *conn
		if k, err = b.reach(ctx, raw, clientID); err == nil {
			b.connected(who, k, raw)
			return k, nil
		}
		if taken(err) {
			return nil, &broker.Trouble{Err: fmt.Errorf("%w: %w", errTaken, err)}
		}
		if ctx.Err() != nil {
			break
		}
		b.waits(who, raw, err)
	}
	return nil, fmt.Errorf("%w: %w", broker.ErrLost, err)
}

func (b *Broker) reach(ctx context.Context, raw, clientID string) (*conn, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the URL cannot be read") // the error would repeat it
	}
	l := login{url: u, clientID: clientID, timeout: remote.DialTimeout}
	if ms, err := strconv.Atoi(u.Query().Get("connection_timeout")); err == nil {
		l.timeout = time.Duration(ms) * time.Millisecond
	}
	return dial(ctx, &b.config, l)
}

func (b *Broker) connected(who io.Closer, k *conn, raw string) {
	b.mu.Lock()
	delete(b.waiting, who)
	first := len(b.waiting) == 0 && (len(b.said) > 0 || b.server != k.server)
	if len(b.waiting) == 0 {
		clear(b.said)
	}
	b.server = k.server
	b.mu.Unlock()
	if first {
		b.config.Log.Info("connected", slog.String("to", k.peer), slog.String("url", remote.Redact(raw)))
	}
}

func (b *Broker) waits(who io.Closer, raw string, err error) {
	why := err.Error()
	b.mu.Lock()
	if slices.Contains(b.opened.All(), who) { // else it has gone meanwhile, and nobody waits
		b.waiting[who] = why
	}
	say := !b.said[why] && len(b.said) < 10
	if say {
		b.said[why] = true
	}
	b.mu.Unlock()
	if say {
		b.config.Log.Warn("waiting for the broker", slog.String("url", remote.Redact(raw)), slog.String("why", why))
	}
}

// lost notes that a connection is lost.
func (b *Broker) lost(who io.Closer, k *conn) {
	if why := k.lost(); why != nil && !k.quiet.Load() {
		b.waits(who, b.config.URL.String(), fmt.Errorf("the connection was lost: %w", why))
	}
}

// taken reports whether a client-id is still another connection's.
func taken(err error) bool {
	var e *serverError
	return errors.As(err, &e) && (strings.Contains(e.text, "already connected") || strings.Contains(e.text, "clientID") && strings.Contains(e.text, "in use"))
}

// trouble makes a broker.Trouble of what the server refuses and people can mend.
func trouble(err error) error {
	var e *serverError
	if errors.As(err, &e) {
		return &broker.Trouble{Refused: denied(e), Err: errors.New(e.text)}
	}
	return err
}

// denied reports whether an ERROR speaks of permissions, or of a queue that was declared
// otherwise, or of a selector that is none: these need people.
func denied(e *serverError) bool {
	text := strings.ToLower(e.text)
	for _, word := range []string{"not authorized", "access_refused", "access refused", "not permitted", "permission", "inequivalent arg", "invalidselector"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
