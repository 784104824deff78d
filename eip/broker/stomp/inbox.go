package stomp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// On ActiveMQ the inbox of a process is a temporary queue: it needs no permission, and
// who replies after its end is told so. Its connection knows it by a name that nobody else
// understands; the address follows from the identifier of a message that it sends to
// itself, and a second one to that address proves it. RabbitMQ's temporary queues
// acknowledge by themselves; there it is a queue that goes with the connection.
const (
	temporary = "/temp-queue/inbox"
	probe     = "eip-inbox"
)

// Inbox subscribes to a queue of its own.
func (b *Broker) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	s := b.prepare(broker.Channel{Address: broker.InboxAddress(name), Durable: name != ""}, broker.Subscription{})
	s.inbox = name == ""
	if err := b.opened.Add(s); err != nil {
		return nil, err
	}
	if err := remote.Begin(ctx, s.context, s.open, s.meet); err != nil {
		_ = s.Close()
		return nil, err
	}
	return &inbox{s}, nil
}

type inbox struct{ *source }

func (i *inbox) Answers(m *eip.Message) bool { return broker.Answers(i.broker, m) }
func (i *inbox) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return i.broker.SendTo(ctx, address, m)
}

// OnLost has lost called when the connection is, and with it what is under way to it, and
// back when there is another one.
func (i *inbox) OnLost(lost func(error), back func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.onLost, i.onBack = lost, back
}

// Address is the channel's, or the one that the server has given it.
func (s *source) Address() string {
	if a := s.address.Load(); a != nil {
		return *a
	}
	return s.channel.Address
}

// temporary reports whether the server makes the queue's name.
func (s *source) temporary(on server) bool { return s.inbox && on == activemq }

// learn finds out the address of the temporary queue.
func (c *consumer) learn(ctx context.Context) error {
	id, err := c.knock(ctx, temporary)
	if err != nil {
		return err
	}
	// ID:host-and-time:connection:session:producer:message
	parts := strings.Split(id, ":")
	if len(parts) < 6 {
		return fmt.Errorf("open a temporary queue: the server's identifiers are like %.60q", id)
	}
	address := remoteQueue + strings.Join(parts[:len(parts)-3], ":") + ":1"
	if _, err := c.knock(ctx, address); err != nil {
		return err
	}
	c.source.address.Store(&address)
	return nil
}

// knock sends a message to the queue, and returns the identifier that it comes with.
func (c *consumer) knock(ctx context.Context, destination string) (id string, err error) {
	if err := c.conn.ask(ctx, frame.New("SEND", "destination", destination, probe, "1")); err != nil {
		return "", fmt.Errorf("open a temporary queue: %w", err)
	}
	t := time.NewTimer(answerTime)
	defer t.Stop()
	select {
	case id := <-c.learned:
		return id, nil
	case <-c.conn.dead:
		return "", c.conn.why
	case <-t.C:
		return "", errors.New("a message to the own temporary queue does not come")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
