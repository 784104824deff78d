package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Bounds of the topic.
const (
	topicPrefetch = 100
	topicBacklog  = 1000 // commands that wait in the process' subscription
	openTimeout   = 10 * time.Second
	replyTimeout  = 5 * time.Second
	mostReplying  = 64 // replies on their way at once
)

// ServeTopic takes commands from a topic of b until Close. Replies go to the
// command's Return Address on b. Where b refuses the topic or is away, the
// Server goes on without until it can be opened. opened is closed when it is
// open, or will not be soon.
func (s *Server) ServeTopic(b broker.Broker, topic broker.Channel) (opened <-chan struct{}) {
	done := make(chan struct{})
	note := s.listen("topic", topic.Address)
	t := &topicServer{Server: s, broker: b, topic: topic, note: note, replying: make(chan struct{}, mostReplying)}
	s.busy.Go(func() { t.run(done) })
	return done
}

type topicServer struct {
	*Server
	broker   broker.Broker
	topic    broker.Channel
	note     *Listening
	replying chan struct{}
	learned  bool
}

// run opens the subscription, anew when it is lost.
func (t *topicServer) run(opened chan struct{}) {
	const first, longest = time.Second, time.Minute
	for wait := first; t.ctx.Err() == nil; wait = min(2*wait, longest) {
		began := time.Now()
		err := t.listenOnce(func() {
			if opened != nil {
				close(opened)
				opened = nil
			}
		})
		if t.ctx.Err() != nil {
			break
		}
		t.set(t.note, "refused: "+err.Error())
		t.Log.Warn("control bus: the topic cannot be read; flows go on, and the socket serves", slog.String("topic", t.topic.Address), slog.Any("error", err))
		if opened != nil {
			close(opened)
			opened = nil
		}
		if time.Since(began) > longest {
			wait = first
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-t.ctx.Done():
			timer.Stop()
		}
	}
	if opened != nil {
		close(opened)
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
	if !t.learned {
		t.learned = true
		t.busy.Go(t.learn)
		t.busy.Go(t.tellAll)
	}
	if t.Begun != nil {
		select {
		case <-t.Begun:
		case <-t.ctx.Done():
			return t.ctx.Err()
		}
	}
	for t.limit.wait(t.ctx) {
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

// take carries out the command that m is. The message is done with then, whatever
// came of it.
func (t *topicServer) take(_ context.Context, m *eip.Message) error {
	t.handle(m.Body(), Origin{On: "topic", User: m.UserID}, func(r Reply) bool {
		if m.Replier() == nil {
			return false
		}
		return t.reply(m, r)
	})
	return nil
}

// reply sends a reply. Too many at once are dropped: the flows' messages go by the
// same broker.
func (t *topicServer) reply(m *eip.Message, r Reply) bool {
	body, err := json.Marshal(r)
	if err != nil {
		return false
	}
	select {
	case t.replying <- struct{}{}:
	default:
		return true
	}
	send := func() bool {
		defer func() { <-t.replying }()
		ctx, cancel := context.WithTimeout(t.ctx, replyTimeout)
		defer cancel()
		answer := eip.New(body, nil).With(func(a *eip.Message) {
			a.ID, a.Timestamp, a.ContentType = eip.NewID(), time.Now(), "application/json"
		})
		err := eip.Await(ctx, eip.HandlerFunc(func(ctx context.Context, asked *eip.Message) error {
			return asked.Reply(ctx, answer)
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
