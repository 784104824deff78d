package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// News is what processes tell all that listen to the topic, by a command that nobody
// answers: what happens to a Test Message that another process may wait for, which
// leases are running, and that one ends.
const newsCommand = "news"

// Bounds of news. They come by the topic that commands come by, and who can write to
// a queue can make Test Messages.
const (
	newsPerSecond = 20
	newsBurst     = 50
	newsBacklog   = 100
	longestTestID = 128
	mostReaders   = 1000
	longestEnd    = 64 << 10 // as JSON
	// farewell is how long a process waits at its end for the broker to take its last
	// news.
	farewell = time.Second
)

// news is what happened to a Test Message in a flow, or one of the last three.
type news struct {
	Test    string `json:"test,omitempty"`
	Flow    string `json:"flow,omitempty"`
	Readers int    `json:"readers,omitempty"` // more flows will have it
	Outside bool   `json:"outside,omitempty"`
	Done    bool   `json:"done,omitempty"` // the flow is done with it
	End     *End   `json:"end,omitempty"`

	Ask    bool    `json:"ask,omitempty"` // which leases are running
	Leases []Lease `json:"leases,omitempty"`
	Gone   bool    `json:"gone,omitempty"` // the process ends

	after time.Time // they are not older than this
}

// tell keeps news until they are sent. What is too much is dropped: a report then
// says that a message is under way still. A long body is left out.
func (s *Server) tell(n news) {
	if len(n.Test) > longestTestID || !s.telling.Load() || len(s.untold) == cap(s.untold) {
		return
	}
	if n.End != nil {
		if raw, err := json.Marshal(n.End); err != nil || len(raw) > longestEnd {
			n.End.Body, n.End.Headers = "[too large]", nil
		}
	}
	select {
	case s.untold <- n:
	default:
	}
}

// tellAll sends news to the topic, at last that the process ends.
func (t *topicServer) tellAll() {
	limit := rate.NewLimiter(newsPerSecond, newsBurst)
	defer t.telling.Store(false)
	out := &outbox{t.broker, map[string]broker.Sender{}}
	defer out.close()
	defer func() {
		if t.broker.Status().Connected {
			_ = t.send(context.WithoutCancel(t.ctx), farewell, out, news{Gone: true}) // it ends all the same
		}
	}()
	for limit.Wait(t.ctx) == nil {
		select {
		case n := <-t.untold:
			if err := t.send(t.ctx, replyTimeout, out, n); err != nil && t.ctx.Err() == nil {
				t.Log.Debug("control bus: cannot tell others", slog.Any("error", err))
			}
		case <-t.ctx.Done():
			return
		}
	}
}

func (t *topicServer) send(ctx context.Context, within time.Duration, out *outbox, n news) error {
	body, err := t.encodeNews(n)
	if err != nil {
		return err
	}
	m := jsonMessage(body, t.Instance)
	m.Delivery = eip.Transient
	return out.send(ctx, within, t.topic, m)
}

func (s *Server) encodeNews(n news) ([]byte, error) {
	raw, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	c := Command{Command: newsCommand, Target: s.Instance}
	if err := decode(raw, &c.Args); err != nil {
		return nil, err
	}
	if s.Secret != "" {
		at := time.Now()
		if n.after.After(at) {
			at = n.after
		}
		if err := c.sign(s.Secret, at); err != nil {
			return nil, err
		}
	}
	return json.Marshal(c)
}

// hearNews takes the news of another process, which its target names.
func (s *Server) hearNews(r *request) error {
	if r.from.On != "topic" {
		return Errorf(NotAllowed, "%s is what processes tell each other", newsCommand)
	}
	if r.Target == s.Instance || !s.trusts() {
		return nil
	}
	raw, err := json.Marshal(r.Args)
	if err != nil {
		return err
	}
	var n news
	if len(raw) > 2*longestEnd || json.Unmarshal(raw, &n) != nil || n.Readers < 0 || n.Readers > mostReaders {
		return Errorf(BadArgs, "this is no news")
	}
	switch {
	case n.Gone:
		s.fleet.gone(clip(r.Target), s.Clock.Now())
	case n.Ask:
		at, _ := time.Parse(time.RFC3339Nano, r.Time) // that of a signed one is good
		s.asked(at)
	case n.Leases != nil:
		s.told(n.Leases)
	default:
		s.probes.hear(n, r.Target)
	}
	return nil
}
