package eiptest

import (
	"context"
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip"
)

// A Post is the least that can be called a broker, for tests of stages that ask
// and answer: channels by address, in memory, without bound. A message that
// settles with an error comes again, at the head. The zero Post is ready.
type Post struct {
	mu       sync.Mutex
	channels map[string]*PostChannel
	names    int
}

// A PostChannel is both sides of one channel of a Post.
type PostChannel struct {
	post    *Post
	address string
	waiting []*eip.Message
	taken   int
	more    chan struct{} // closed and replaced when a message arrives
}

// Channel returns the channel of an address, new where there is none yet.
func (p *Post) Channel(address string) *PostChannel {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.channels[address]
	if c == nil {
		c = &PostChannel{post: p, address: address, more: make(chan struct{})}
		if p.channels == nil {
			p.channels = map[string]*PostChannel{}
		}
		p.channels[address] = c
	}
	return c
}

// SendTo puts m into a channel that exists.
func (p *Post) SendTo(_ context.Context, address string, m *eip.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.channels[address]
	if c == nil {
		return eip.Gone(fmt.Errorf("there is no channel %q", address))
	}
	c.put(m, false)
	return nil
}

// Reply sends a reply to the Return Address of its request.
func (p *Post) Reply(ctx context.Context, request, reply *eip.Message) error {
	return p.SendTo(ctx, request.ReplyTo, reply)
}

// put wants the lock.
func (c *PostChannel) put(m *eip.Message, again bool) {
	sent := m.With(func(s *eip.Message) { s.Channel, s.Redelivered = c.address, again }).WithReplier(nil)
	if m.ReplyTo != "" {
		sent = sent.WithReplier(c.post)
	}
	if again {
		c.waiting = append([]*eip.Message{sent}, c.waiting...)
	} else {
		c.waiting = append(c.waiting, sent)
	}
	close(c.more)
	c.more = make(chan struct{})
}

// Handle puts m into the channel.
func (c *PostChannel) Handle(_ context.Context, m *eip.Message) error {
	c.post.mu.Lock()
	defer c.post.mu.Unlock()
	c.put(m, false)
	return nil
}

// Receive takes the next message.
func (c *PostChannel) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		c.post.mu.Lock()
		more := c.more
		if len(c.waiting) > 0 && ctx.Err() == nil {
			m := c.waiting[0]
			c.waiting = c.waiting[1:]
			c.taken++
			c.post.mu.Unlock()
			return m.Fork(func(err error) {
				c.post.mu.Lock()
				defer c.post.mu.Unlock()
				c.taken--
				if err != nil {
					c.put(m, true)
				}
			}), nil
		}
		c.post.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Waiting returns the bodies of what waits in the channel, and how many messages
// were taken from it and are not settled.
func (c *PostChannel) Waiting() (bodies []string, taken int) {
	c.post.mu.Lock()
	defer c.post.mu.Unlock()
	for _, m := range c.waiting {
		bodies = append(bodies, string(m.Body()))
	}
	return bodies, c.taken
}

// Inbox opens a channel for replies.
func (c *PostChannel) Inbox(_ context.Context, name string) (eip.Inbox, error) {
	if name != "" {
		return &postInbox{PostChannel: c.post.Channel("inbox." + name), kept: true}, nil
	}
	c.post.mu.Lock()
	c.post.names++
	address := fmt.Sprintf("inbox-%d", c.post.names)
	c.post.mu.Unlock()
	return &postInbox{PostChannel: c.post.Channel(address)}, nil
}

type postInbox struct {
	*PostChannel
	kept bool
}

func (i *postInbox) Address() string { return i.address }

func (i *postInbox) Answers(m *eip.Message) bool {
	from, ok := m.Replier().(*Post)
	return ok && from == i.post && m.ReplyTo != ""
}

func (i *postInbox) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return i.post.SendTo(ctx, address, m)
}

func (i *postInbox) Close() error {
	i.post.mu.Lock()
	defer i.post.mu.Unlock()
	if !i.kept {
		delete(i.post.channels, i.address)
	}
	return nil
}
