package control

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/requestor"
)

// DialTopic returns a Client of all processes that listen to a topic of b; "" is the
// default one. b stays open when the Client is closed.
func DialTopic(ctx context.Context, b broker.Broker, topic string) (*Client, error) {
	if topic == "" {
		topic = Address
	}
	to, err := b.Sender(ctx, topicAt(topic))
	if err != nil {
		return nil, fmt.Errorf("open topic %s: %w", topic, err)
	}
	inbox, err := broker.Inbox(ctx, b, "")
	if err != nil {
		_ = to.Close() // nothing was sent
		return nil, fmt.Errorf("open an inbox for replies: %w", err)
	}
	return &Client{way: &topicWay{to, inbox.Address(), requestor.Listen(inbox)}}, nil
}

type topicWay struct {
	to      broker.Sender
	inbox   string // its address
	replies *requestor.Requestor
}

func (t *topicWay) single() bool { return false }

func (t *topicWay) close() error {
	return cmp.Or(t.replies.Close(), t.to.Close())
}

func (t *topicWay) ask(ctx context.Context, command []byte, repeat <-chan struct{}, accept func([]byte) *Reply) (<-chan answer, func(), error) {
	id := eip.NewID()
	replies := make(chan answer, mostReplies)
	err := t.replies.Expect(id, func(m *eip.Message, err error) (more bool) {
		a := answer{err: err}
		if err == nil {
			if a.reply, a.size = accept(m.Body()), len(m.Body()); a.reply == nil {
				return true
			}
		}
		select {
		case replies <- a:
		default: // one that is not taken at once, after very many others, is dropped
		}
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var sending sync.WaitGroup
	done := func() {
		cancel()
		sending.Wait()
		t.replies.Forget(id)
	}
	m := jsonMessage(command, "command")
	m.ID, m.CorrelationID, m.ReplyTo = id, id, t.inbox
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
		select {
		case <-time.After(wait):
			if eip.Await(ctx, t.to, m) != nil {
				return // the first has been sent
			}
		case <-until:
			return
		case <-ctx.Done():
			return
		}
	}
}
