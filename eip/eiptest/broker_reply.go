package eiptest

import (
	"context"
	"errors"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/internal/replies"
)

var replyTests = map[string]func(*brokerTest){
	"Reply/ToInbox": func(t *brokerTest) {
		q := t.queue("service")
		t.requestReply()
		s := t.sender(q)
		inbox, err := s.(eip.Inboxer).Inbox(t.ctx, "")
		t.mustBeNil("open inbox", err)
		src := t.source(q, broker.Subscription{})
		request := eip.New([]byte("2 + 3"), nil).With(func(m *eip.Message) {
			m.ReplyTo, m.CorrelationID = inbox.Address(), "sum"
		})
		t.mustBeNil("send request", t.sent(s, request))

		h := t.hold(src)
		if !inbox.Answers(h.Message) {
			t.Error("the inbox's broker does not know the request for its own")
		}
		t.mustBeNil("reply", h.Reply(t.ctx, eip.New([]byte("5"), nil)))
		h.settle(nil)
		reply := t.take(inbox)
		if string(reply.Body()) != "5" || reply.CorrelationID != "sum" || reply.Channel != inbox.Address() {
			t.Errorf("the reply is %q, correlation %q, from %q", reply.Body(), reply.CorrelationID, reply.Channel)
		}
		if reply.ReplyTo != "" || reply.Replier() != nil {
			t.Error("the reply can be answered")
		}
		t.close(inbox)
		t.close(src)
		t.close(s)
	},

	"Reply/NoReturnAddress": func(t *brokerTest) {
		q := t.queue("service")
		src := t.source(q, broker.Subscription{})
		s := t.sender(q)
		// Who answers a message where it came from does not answer it here.
		m := eip.New([]byte("no answer"), nil).WithReplier(broker.Replies(t.requestReply()))
		t.mustBeNil("send", t.sent(s, m))
		h := t.hold(src)
		if err := h.Reply(t.ctx, eip.New(nil, nil)); !errors.Is(err, eip.ErrNoReturnAddress) || !eip.IsInvalid(err) {
			t.Errorf("answering what names no return address gave %v", err)
		}
		h.settle(nil)
		t.close(s)
		t.close(src)
	},

	"Reply/SendTo": func(t *brokerTest) {
		q := t.queue("q")
		src := t.source(q, broker.Subscription{})
		t.send(t.to(q.Address), "1", "2")
		t.expect(src, "1", "2")
		if err := t.sent(t.to(""), eip.New(nil, nil)); !eip.IsPermanent(err) {
			t.Errorf("sending to no address gave %v; want a permanent error", err)
		}
		t.send(t.to(q.Address), "still works")
		t.expect(src, "still works")
		t.close(src)
	},

	"Reply/InboxOfTheProcess": func(t *brokerTest) {
		a := t.inbox("")
		b := t.inbox("")
		if a.Address() == b.Address() {
			t.Fatal("two inboxes have one address")
		}
		to := func(address string) eip.Handler {
			return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return a.SendTo(ctx, address, m) })
		}
		t.send(to(b.Address()), "for b")
		t.send(to(a.Address()), "for a")
		t.expect(a, "for a")
		t.expect(b, "for b")
		t.close(b)
		t.close(a)
	},

	"Reply/Gone": func(t *brokerTest) {
		a, b := t.inbox(""), t.inbox("")
		gone := b.Address()
		t.close(b)
		for _, address := range []string{gone, t.address("missing")} {
			if err := t.sent(t.to(address), eip.New(nil, nil)); !eip.IsPermanent(err) || !replies.Drop.Drops(err) {
				t.Errorf("sending to %q, where nobody is, gave %v; want a permanent error that eip.Gone made", address, err)
			}
		}
		t.send(t.to(a.Address()), "still works")
		t.expect(a, "still works")
		t.close(a)
	},

	"Reply/SharedInbox": func(t *brokerTest) {
		name := t.address("shared")
		a := t.inbox(name)
		b := t.inbox(name)
		if a.Address() != b.Address() {
			t.Errorf("inboxes of one name have the addresses %s and %s", a.Address(), b.Address())
		}
		address := a.Address()
		t.close(b)
		t.close(a)
		t.send(t.to(address), "kept while nobody listens")
		if t.can.Durable {
			t.restart()
		}
		c := t.inbox(name)
		if c.Address() != address {
			t.Errorf("the inbox had the address %s and has %s", address, c.Address())
		}
		t.expect(c, "kept while nobody listens")
		t.close(c)
	},
}
