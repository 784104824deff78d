package control

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
)

// Bounds of taps.
const (
	tapBuffer     = 256
	tapBytes      = 4 << 20 // of messages in the buffer, or a single one
	defaultTapFor = time.Minute
)

// tap is the command of that name: it streams copies of what passes an address to
// the asker, until the asker is gone, the time is over, or it has as many as asked
// for. What does not fit into its buffer is dropped and counted; the flow never
// waits.
func (s *Server) tap(r *request) (any, error) {
	t, points, err := s.newTap(r)
	if err != nil {
		return nil, err
	}
	until := s.Clock.Now().Add(t.lease)
	over, timer := s.Clock.NewTimer(t.lease)
	defer timer.Stop()
	for _, p := range points {
		s.taps.add(p, t)
	}
	defer func() {
		for _, p := range points {
			s.taps.remove(p, t)
		}
	}()
	if !s.stream(r, Tapping{Until: until.UTC()}) { // what passes from now on is seen
		return t.result("asker"), nil
	}
	for {
		select {
		case c := <-t.copies:
			t.bytes.Add(-c.message.Size())
			seen := s.redact.look(c.message, nil)
			if t.wants != nil {
				ok, err := t.wants(s.ctx, seen.message())
				if err != nil {
					t.failed++
				}
				if !ok || err != nil {
					continue
				}
			}
			t.taken++
			if !s.stream(r, s.tapped(t, c, seen)) {
				return t.result("asker"), nil
			}
			if t.taken == t.most {
				return t.result("count"), nil
			}
		case <-over:
			return t.result("time"), nil
		case <-s.ctx.Done():
			return t.result("process"), nil
		case <-r.ctx.Done():
			return t.result("time"), nil
		}
	}
}

// stream sends one of several replies; false where nobody takes it.
func (s *Server) stream(r *request, result any) bool {
	reply := s.reply(r, result, nil)
	reply.More = true
	return r.respond(reply)
}

// Tapping is the first result of tap.
type Tapping struct {
	Until time.Time `json:"until"`
}

// Copy is a result of tap: a message at an address, without what is redacted.
type Copy struct {
	At            string      `json:"at"`
	Time          time.Time   `json:"time"`
	Number        int64       `json:"number"`
	Dropped       int64       `json:"dropped"` // so far
	ID            string      `json:"id,omitempty"`
	CorrelationID string      `json:"correlation_id,omitempty"`
	Type          string      `json:"type,omitempty"`
	Key           string      `json:"key,omitempty"`
	ContentType   string      `json:"content_type,omitempty"`
	Channel       string      `json:"channel,omitempty"`
	Headers       eip.Headers `json:"headers,omitempty"`
	Body          any         `json:"body"`
}

// Tapped is the last result of tap.
type Tapped struct {
	Taken   int64  `json:"taken"`
	Dropped int64  `json:"dropped"`
	Failed  int64  `json:"failed,omitempty"` // their "if" could not be evaluated
	Ended   string `json:"ended"`            // by "count", "time", "asker" or "process"
}

func (s *Server) tapped(t *tap, c tappedMessage, seen view) Copy {
	m := c.message
	return Copy{At: c.at, Time: c.time.UTC(), Number: t.taken, Dropped: t.dropped.Load(), ID: m.ID, CorrelationID: m.CorrelationID, Type: m.Type,
		Key: m.Key, ContentType: m.ContentType, Channel: m.Channel, Headers: seen.headers, Body: seen.shown()}
}

// A tap takes what its points see. What the flow's goroutines use is atomic.
type tap struct {
	clock         eip.Clock
	lease         time.Duration
	most          int64 // 0: no bound
	sample        float64
	wants         eip.Predicate // nil: every message
	seen          atomic.Int64
	copies        chan tappedMessage
	bytes         atomic.Int64
	dropped       atomic.Int64
	taken, failed int64
}

type tappedMessage struct {
	at      string
	time    time.Time
	message *eip.Message
}

func (t *tap) result(ended string) Tapped {
	return Tapped{t.taken, t.dropped.Load(), t.failed, ended}
}

// see is called by the flow, and never waits.
func (t *tap) see(at string, m *eip.Message) {
	if t.sample < 1 {
		n := float64(t.seen.Add(1))
		if math.Floor(n*t.sample) == math.Floor((n-1)*t.sample) {
			return
		}
	}
	size := m.Size()
	if n := t.bytes.Add(size); n <= tapBytes || n == size {
		select {
		case t.copies <- tappedMessage{at, t.clock.Now(), m}:
			return
		default:
		}
	}
	t.bytes.Add(-size)
	t.dropped.Add(1)
}

// point is a flow or a stage that can be watched.
type point struct {
	address string
	watch   func(func(*eip.Message))
}

func (s *Server) newTap(r *request) (*tap, []point, error) {
	points, err := s.points(r)
	if err != nil {
		return nil, nil, err
	}
	t := &tap{clock: s.Clock, lease: cmp.Or(r.duration("for", s.Timeout), min(defaultTapFor, s.Timeout)), most: r.whole("count"), sample: r.number("sample", 1), copies: make(chan tappedMessage, tapBuffer)}
	text := r.text("if")
	if t.sample <= 0 || t.sample > 1 {
		r.refuse("\"sample\" must be more than 0, and 1 at most")
	}
	switch {
	case r.wrong != nil:
		return nil, nil, r.wrong
	case text == "":
		return t, points, nil
	case s.Compile == nil:
		return nil, nil, Errorf(NotAllowed, "this process takes no \"if\"")
	}
	if t.wants, err = s.Compile(text); err != nil {
		return nil, nil, Errorf(BadArgs, "\"if\": %v", err)
	}
	return t, points, nil
}

// points returns what the target names: flows or stages.
func (s *Server) points(r *request) ([]point, error) {
	if r.Target == "" {
		return nil, Errorf(BadArgs, "tap needs a flow or a stage as its target")
	}
	var all []point
	for _, f := range s.Process.Flows() {
		all = append(all, point{f.Name(), f.Watch})
		for _, st := range f.Stages() {
			all = append(all, point{st.Address, st.Watch})
		}
	}
	return find("flow or stage", r.Target, Matches, all, func(p point) string { return p.address })
}

// taps are those that are open, by their address.
type taps struct {
	mu sync.Mutex
	at map[string][]*tap
}

func (a *taps) add(p point, t *tap) {
	a.change(p, func(open []*tap) []*tap { return append(open, t) })
}

func (a *taps) remove(p point, t *tap) {
	a.change(p, func(open []*tap) []*tap {
		return slices.DeleteFunc(open, func(o *tap) bool { return o == t })
	})
}

func (a *taps) change(p point, do func([]*tap) []*tap) {
	a.mu.Lock()
	defer a.mu.Unlock()
	open := do(slices.Clone(a.at[p.address]))
	a.at[p.address] = open
	if len(open) == 0 {
		delete(a.at, p.address)
		p.watch(nil)
		return
	}
	p.watch(func(m *eip.Message) {
		for _, t := range open {
			t.see(p.address, m)
		}
	})
}
