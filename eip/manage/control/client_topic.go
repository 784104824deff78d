package control

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// DialTopic returns a Client of all processes that listen to a topic of b; "" is the
// default one. b stays open when the Client is closed.
func DialTopic(ctx context.Context, b broker.Broker, topic string) (*Client, error) {
	if topic == "" {
		topic = Address
	}
	to, err := b.Sender(ctx, broker.Channel{Kind: broker.Topic, Address: topic, Durable: true, Declare: true})
	if err != nil {
		return nil, fmt.Errorf("open topic %s: %w", topic, err)
	}
	inbox, err := broker.Inbox(ctx, b, "")
	if err != nil {
		_ = to.Close() // nothing was sent
		return nil, fmt.Errorf("open an inbox for replies: %w", err)
	}
	t := &topicWay{to: to, inbox: inbox, waiting: map[string]asking{}, stopped: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	go t.receive()
	return &Client{way: t}, nil
}

type topicWay struct {
	to      broker.Sender
	inbox   eip.Inbox
	ctx     context.Context
	cancel  context.CancelFunc
	stopped chan struct{}

	mu      sync.Mutex
	waiting map[string]asking // by correlation identifier
	lost    error
}

type asking struct {
	replies chan<- answer
	accept  func([]byte) *Reply
}

func (t *topicWay) single() bool { return false }

func (t *topicWay) close() error {
	t.cancel()
	<-t.stopped
	err := t.inbox.Close()
	if e := t.to.Close(); err == nil {
		err = e
	}
	return err
}

func (t *topicWay) ask(ctx context.Context, command []byte, repeat <-chan struct{}, accept func([]byte) *Reply) (<-chan answer, func(), error) {
	id := eip.NewID()
	replies := make(chan answer, mostReplies)
	t.mu.Lock()
	lost := t.lost
	t.waiting[id] = asking{replies, accept}
	t.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var sending sync.WaitGroup
	done := func() {
		cancel()
		sending.Wait()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.waiting, id)
	}
	if lost != nil {
		done()
		return nil, nil, lost
	}
	m := eip.New(command, nil).With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.ReplyTo = id, id, t.inbox.Address()
		m.ContentType, m.Timestamp, m.Key = "application/json", time.Now(), "command"
	})
	if err := eip.Await(ctx, t.to, m); err != nil {
		done()
		return nil, nil, fmt.Errorf("send the command: %w", err)
	}
	if repeat != nil {
		sending.Go(func() { t.repeat(ctx, m, repeat) })
	}
	return replies, done, nil
}

func (t *topicWay) repeat(ctx context.Context, m *eip.Message, until <-chan struct{}) {
	m = m.With(func(m *eip.Message) { m.Key = againKey })
	for wait := time.Second; ; wait *= 2 {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			if eip.Await(ctx, t.to, m) != nil {
				return // the first has been sent
			}
		case <-until:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// receive gives each reply to who waits for it. One that is not taken at once,
// after very many others, is dropped.
func (t *topicWay) receive() {
	defer close(t.stopped)
	for {
		m, err := t.inbox.Receive(t.ctx)
		if m != nil {
			eip.Deliver(t.ctx, eip.HandlerFunc(t.pass), m)
			continue
		}
		if err != nil {
			t.end(fmt.Errorf("receive replies: %w", err))
			return
		}
	}
}

func (t *topicWay) pass(_ context.Context, m *eip.Message) error {
	t.mu.Lock()
	to, waits := t.waiting[m.CorrelationID]
	t.mu.Unlock()
	if !waits {
		return nil
	}
	if r := to.accept(m.Body()); r != nil {
		select {
		case to.replies <- answer{reply: r, size: len(m.Body())}:
		default:
		}
	}
	return nil
}

func (t *topicWay) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = err
	for _, to := range t.waiting {
		select {
		case to.replies <- answer{err: err}:
		default:
		}
	}
}
