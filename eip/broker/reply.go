package broker

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/eipd/eipd/eip"
)

// Replies returns who takes the replies to messages that come from b: each goes to
// the Return Address of its request, on b and nowhere else. A source gives it to
// the messages that name one.
func Replies(b RequestReply) eip.Replier { return replies{b} }

type replies struct{ broker RequestReply }

func (r replies) Reply(ctx context.Context, request, reply *eip.Message) error {
	if request.ReplyTo == "" {
		return eip.Invalid(eip.ErrNoReturnAddress)
	}
	return r.broker.SendTo(ctx, request.ReplyTo, reply)
}

// Inbox opens an inbox on b, where requests can be answered on it.
func Inbox(ctx context.Context, b Broker, name string) (eip.Inbox, error) {
	r, ok := b.(RequestReply)
	if !ok {
		return nil, eip.Permanent(errors.New("open an inbox: on this broker requests cannot be answered"))
	}
	return r.Inbox(ctx, name)
}

// mostHeard is how many messages of a topic wait for who listens to it.
const mostHeard = 10_000

// ReadReplies reads a queue on b as an inbox, whose address is the queue's; or a topic, of
// which the inbox has a copy of all that is sent from then on.
func ReadReplies(ctx context.Context, b Broker, queue Channel) (eip.Inbox, error) {
	s := Subscription{}
	if queue.Kind == Topic {
		s.Name, s.Exclusive, s.MaxLength = eip.NewID(), true, mostHeard
	}
	r, ok := b.(RequestReply)
	if !ok {
		return nil, eip.Permanent(errors.New("read replies: on this broker requests cannot be answered"))
	}
	src, err := b.Source(ctx, queue, s)
	if err != nil {
		return nil, err
	}
	return &replyQueue{src, r, queue.Address}, nil
}

type replyQueue struct {
	Source
	broker  RequestReply
	address string
}

func (q *replyQueue) Address() string             { return q.address }
func (q *replyQueue) Answers(m *eip.Message) bool { return Answers(q.broker, m) }
func (q *replyQueue) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return q.broker.SendTo(ctx, address, m)
}

// Answers reports whether m came from b and names a Return Address there.
func Answers(b RequestReply, m *eip.Message) bool {
	r, ok := m.Replier().(replies)
	return ok && r.broker == b && m.ReplyTo != ""
}

// IsInbox reports whether only an inbox can be at an address on b: one that Inbox
// opened under no name, or a queue whose name the broker itself made.
func IsInbox(b Broker, address string) bool {
	if id, ok := strings.CutPrefix(address, inboxPrefix); ok {
		raw, err := hex.DecodeString(id)
		return err == nil && len(raw) == len(eip.NewID())/2
	}
	n, ok := b.(interface{ Named(address string) bool })
	return ok && n.Named(address)
}

const inboxPrefix = "eip.inbox."

// InboxAddress is the address of the inbox that processes share under name. name
// "" gives an address that nobody else has.
func InboxAddress(name string) string {
	if name == "" {
		name = eip.NewID()
	}
	return inboxPrefix + name
}
