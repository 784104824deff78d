package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/requestor"
)

func init() { eip.Stages.Add("scatter_gather", func() eip.Stage { return NewScatterGather() }) }

// A ScatterGather asks several at once, and passes the message on with what they answer.
// While it waits the message keeps its lane: give the flow concurrency.
type ScatterGather struct {
	// Whom to ask: a topic, which asks all that listen, or queues, one service each.
	To []eip.Target `flow:"to,required"`
	// The queue that replies come to, where those who answer know it and no Return
	// Address. Only one process may run the flow then. Without it, an inbox of the
	// process.
	ReplyTo eip.Handler `flow:"reply_to"`
	// Where a reply, and so the request, carries the identifier of the request:
	// headers.NAME. Without it, the correlation identifier.
	Correlate string `flow:"correlate"`
	// Who sent a reply, as the reply says: an expression that sees the reply as body,
	// headers and message. Needed where expect names who must answer.
	Who eip.Text `flow:"who"`
	// Who must answer: a list of names as who gives them, or how many. Without it, as
	// many as to names queues.
	Expect any `flow:"expect"`
	// How long to wait for replies.
	Timeout time.Duration `flow:"timeout"`
	// After how long without another reply, once one has come, it is complete.
	Quiet time.Duration `flow:"quiet"`
	// It is complete as soon as this is true: it sees replies and missing, as body does.
	Complete eip.Merge `flow:"complete,replies,decides"`
	// What becomes of a message whose replies are not complete in time: it fails, and is
	// tried again, or is released with those that came. Without it, it is released where
	// expect says who or how many must answer.
	Incomplete Incomplete `flow:"incomplete,unset"`
	// The request's body. Without it, the message's.
	Request eip.Value `flow:"request"`
	// The message's new body. It sees body, replies (a list of {from, body, headers,
	// after}, after in milliseconds) and missing (who did not answer). Without it, a list
	// of the replies' bodies.
	Body eip.Merge `flow:"body,replies"`

	clock    eip.Clock
	header   string   // of Correlate; "" of the correlation identifier
	names    []string // of Expect
	count    int      // of Expect
	replies  requestor.Requestor
	inbox    eip.Inbox
	listener *replies.Listener

	asked, answered, doubled, missing, unread atomic.Int64
	roundTrips                                stats.Histogram
}

// Incomplete says what becomes of a message whose replies are not complete.
type Incomplete string

// What there is to do.
const (
	Fail    Incomplete = "fail"
	Release Incomplete = "release"
)

// Options returns them all.
func (Incomplete) Options() []string { return []string{string(Fail), string(Release)} }

// NewScatterGather returns a ScatterGather that waits 30 seconds.
func NewScatterGather() *ScatterGather { return &ScatterGather{Timeout: 30 * time.Second} }

// Validate checks the options.
func (s *ScatterGather) Validate() error {
	var ok bool
	if s.header, ok = strings.CutPrefix(s.Correlate, "headers."); !ok && s.Correlate != "" || ok && s.header == "" {
		return eip.OptionErrorf("correlate", "%q is no header; write headers.NAME, or leave it out for the correlation identifier", s.Correlate)
	}
	if err := s.expected(); err != nil {
		return err
	}
	switch {
	case s.Timeout <= 0:
		return eip.OptionErrorf("timeout", "%v is no time to wait; give more than 0s", s.Timeout)
	case s.Quiet < 0:
		return eip.OptionErrorf("quiet", "%v is no time; give more than 0s", s.Quiet)
	case s.names != nil && s.Who == nil:
		return eip.OptionErrorf("expect", "it names who must answer, and nothing says who sent a reply; add who = \"headers.NAME\"")
	case s.ReplyTo != nil && !reads(s.ReplyTo):
		return eip.OptionErrorf("reply_to", "it is one queue, which this flow reads")
	}
	for _, t := range s.To {
		if replies.Never(t.Handler) {
			return eip.OptionErrorf("to", "nothing replies at %s; name channels that services read", t.Name)
		}
	}
	return nil
}

func reads(h eip.Handler) bool {
	_, ok := h.(replies.Readable)
	return ok
}

// expected reads Expect.
func (s *ScatterGather) expected() error {
	s.names, s.count = nil, 0
	switch v := s.Expect.(type) {
	case nil:
		if s.count = len(s.To); s.count == 1 && isTopic(s.To[0]) && s.Quiet == 0 && s.Complete == nil {
			return eip.OptionErrorf("to", "how many listen to %s is not known; say expect, quiet or complete", s.To[0].Name)
		} else if s.count == 1 && (s.Quiet > 0 || s.Complete != nil) {
			s.count = 0
		}
		return nil
	case []any:
		seen := map[string]bool{}
		for _, e := range v {
			name, ok := e.(string)
			if !ok || name == "" || seen[name] {
				return eip.OptionErrorf("expect", "it is a list of different names, or a number")
			}
			seen[name] = true
			s.names = append(s.names, name)
		}
		s.count = len(s.names)
	case int64:
		s.count = int(v)
	case int:
		s.count = v
	default:
		return eip.OptionErrorf("expect", "it is a list of names, or a number")
	}
	if s.count < 1 {
		return eip.OptionErrorf("expect", "at least one must be expected")
	}
	return nil
}

// Reads returns the queue of replies, where it is not an inbox.
func (s *ScatterGather) Reads() eip.Handler { return s.ReplyTo }

// Open opens the inbox, or the queue of replies.
func (s *ScatterGather) Open(ctx context.Context, env *eip.Env) (err error) {
	s.clock = env.Clock
	if s.ReplyTo != nil {
		s.inbox, err = s.ReplyTo.(replies.Readable).Read(ctx)
	} else if to, ok := s.To[0].Handler.(eip.Inboxer); ok {
		s.inbox, err = to.Inbox(ctx, "")
	} else {
		err = fmt.Errorf("%s takes no replies", s.To[0].Name)
	}
	if err != nil {
		return err
	}
	s.listener = replies.Listen(s.inbox, env, &eip.Flow{To: eip.HandlerFunc(s.take)})
	return nil
}

// take gives a reply to the request that it belongs to.
func (s *ScatterGather) take(ctx context.Context, reply *eip.Message) error {
	if s.header != "" {
		id, _ := reply.Headers[s.header].(string)
		reply = reply.With(func(m *eip.Message) { m.CorrelationID = id })
	}
	return s.replies.Handle(ctx, reply)
}

// Close closes the inbox.
func (s *ScatterGather) Close(ctx context.Context) error { return s.listener.Close(ctx) }

// Pattern names what the stage is.
func (*ScatterGather) Pattern() string { return "Scatter-Gather" }

// Process asks, waits, and passes m on with the answers.
func (s *ScatterGather) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if err := s.listener.Err(); err != nil {
		return fmt.Errorf("replies cannot be received: %w", err)
	}
	request := m
	if s.Request != nil {
		v, err := s.Request(ctx, m)
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		if request, err = m.WithValue(v, ""); err != nil {
			return err
		}
	}
	g := &gathering{stage: s, message: m, began: s.clock.Now(), arrived: make(chan struct{}, 1)}
	if err := g.ask(ctx, request); err != nil {
		return err
	}
	defer g.forget()
	if err := g.wait(ctx); err != nil {
		return err
	}
	answered, err := g.result(ctx)
	if err != nil {
		return err
	}
	return next.Handle(ctx, answered)
}

// Stats returns what became of the requests: answered counts replies, doubled those of
// one who had answered already, late those that nobody waited for any more or ever did,
// and missing how often one who was expected did not answer in time.
func (s *ScatterGather) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"asked": s.asked.Load(), "answered": s.answered.Load(), "doubled": s.doubled.Load(),
		"late": s.replies.Unmatched.Load(), "missing": s.missing.Load(), "unread": s.unread.Load()},
		Times: map[string]*stats.Histogram{"round_trip": &s.roundTrips}}
}

var errTooMuch = errors.New("the replies take too much memory")
