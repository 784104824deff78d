package control

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Bounds of the topic.
const (
	topicPrefetch = 400
	topicBacklog  = 5000 // commands that wait in the process' subscription
	openTimeout   = 10 * time.Second
	replyTimeout  = 5 * time.Second
	// A command that is longer waits in the line to have its signature checked: to
	// read it costs too much where anybody can make it.
	mostAtOnce = 4 << 10
	// againKey is the key of a signed command that its client sends again.
	againKey = "again"
)

// ServeTopic takes commands from a topic of b until Close. Replies go to the
// command's Return Address on b. Where b refuses the topic or is away, the
// Server goes on without until it can be opened. opened is closed when it is
// open, or will not be soon.
func (s *Server) ServeTopic(b broker.Broker, topic broker.Channel) (opened <-chan struct{}) {
	done := make(chan struct{})
	note := s.listen("topic", topic.Address)
	t := &topicServer{Server: s, broker: b, topic: topic, note: note}
	s.busy.Go(func() { t.run(sync.OnceFunc(func() { close(done) })) })
	return done
}

type topicServer struct {
	*Server
	broker  broker.Broker
	topic   broker.Channel
	note    *Listening
	learned bool
}

// run opens the subscription, anew when it is lost.
func (t *topicServer) run(opened func()) {
	defer opened()
	const first, longest = time.Second, time.Minute
	said := ""
	for wait := first; t.ctx.Err() == nil; wait = min(2*wait, longest) {
		began := time.Now()
		err := t.listenOnce(opened)
		if t.ctx.Err() != nil {
			return
		}
		t.set(t.note, "refused: "+err.Error())
		if err.Error() != said {
			said = err.Error()
			t.Log.Warn("control bus: the topic cannot be read; flows go on, and the socket serves", slog.String("topic", t.topic.Address), slog.Any("error", err))
		}
		opened()
		if time.Since(began) > longest {
			wait = first
		}
		t.pause(wait)
	}
}

// pause waits; false: the Server is closed.
func (s *Server) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (t *topicServer) listenOnce(open func()) error {
	opening, cancel := context.WithTimeout(t.ctx, openTimeout)
	src, err := t.broker.Source(opening, t.topic, broker.Subscription{Name: eip.NewID(), Exclusive: true, MaxLength: topicBacklog, Prefetch: topicPrefetch})
	cancel()
	if err != nil {
		return err
	}
	defer src.Close() // what is in it is nobody else's
	t.set(t.note, "open")
	open()
	if t.telling.CompareAndSwap(false, true) {
		t.busy.Go(t.tellAll)
	}
	if t.Begun != nil {
		select {
		case <-t.Begun:
		case <-t.ctx.Done():
			return t.ctx.Err()
		}
	}
	if !t.learned {
		t.learned = true
		t.learn()
	}
	for t.ctx.Err() == nil {
		m, err := src.Receive(t.ctx)
		switch {
		case m != nil:
			eip.Deliver(t.ctx, eip.HandlerFunc(t.take), m)
		case err != nil:
			return err
		}
	}
	return t.ctx.Err()
}

// take takes everything that comes as fast as it comes, so that none that is signed
// is lost in a flood. Those are carried out at once; the others wait in a line. The
// message is done with then, whatever came of it.
func (t *topicServer) take(_ context.Context, m *eip.Message) error {
	data := m.Body()
	from := Origin{On: "topic", User: m.UserID, sender: cmp.Or(m.UserID, m.ReplyTo), again: m.Key == againKey}
	r := &request{from: from, ctx: t.ctx}
	r.send = func(reply Reply) bool { return m.Replier() != nil && t.reply(m, r, reply) }
	if t.Secret != "" && len(data) <= mostAtOnce && bytes.Contains(data, []byte(`"signature"`)) {
		var err error
		if r.Command, err = DecodeCommand(data); err == nil && !r.For(t.Instance, t.Labels) {
			return nil
		}
		if err == nil && t.authenticate(r) == nil {
			t.obey(r)
			return nil
		}
	}
	if !t.lines[r.class()].put(t.ctx, from.sender, len(data), func() { t.handle(data, r) }) {
		t.dropped.Warn(t.Log, "control bus: too many commands; some were dropped")
	}
	return nil
}

// reply sends a reply. Too many at once are dropped: the flows' messages go by the
// same broker.
func (t *topicServer) reply(m *eip.Message, asked *request, r Reply) bool {
	if !t.answers(m.ReplyTo) {
		t.nowhere.Warn(t.Log, "control bus: an answer would not go to an inbox, and was not sent", slog.String("to", clip(m.ReplyTo)))
		return false
	}
	body, err := json.Marshal(r)
	if err != nil {
		return false
	}
	leave := t.place(asked, replying)
	if leave == nil {
		return true
	}
	send := func() bool {
		defer leave()
		ctx, cancel := context.WithTimeout(t.ctx, replyTimeout)
		defer cancel()
		err := eip.Await(ctx, eip.HandlerFunc(func(ctx context.Context, asked *eip.Message) error {
			return asked.Reply(ctx, jsonMessage(body, ""))
		}), m)
		if err != nil && t.ctx.Err() == nil {
			t.Log.Debug("control bus: a reply was not delivered", slog.String("to", m.ReplyTo), slog.Any("error", err))
		}
		return err == nil
	}
	if r.More { // they must stay in order, and end when nobody takes them
		return send()
	}
	t.busy.Go(func() { send() })
	return true
}

// answers reports whether replies may go to an address: to an inbox, or where an
// option says so; but never to what flows read, or to a channel of the bus itself.
func (t *topicServer) answers(address string) bool {
	if t.Process.Reads(address) {
		return false
	}
	return broker.IsInbox(t.broker, address) || !strings.HasPrefix(address, "eip.") &&
		slices.ContainsFunc(t.ReplyTo, func(pattern string) bool { return matchesPart(pattern, address) })
}
