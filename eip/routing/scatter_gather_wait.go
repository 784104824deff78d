package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// How much the replies to one message may take.
const (
	mostReplies    = 10_000
	mostReplyBytes = 64 << 20
)

// gathering is what one message waits for.
type gathering struct {
	stage   *ScatterGather
	message *eip.Message
	began   time.Time
	ids     []string
	to      map[string]string // whom a request with an identifier went to, where that tells

	mu      sync.Mutex
	queue   []came
	bytes   int64
	over    error // why nothing more is waited for
	arrived chan struct{}

	got []answer // of wait
}

// came is a reply that was not looked at.
type came struct {
	reply *eip.Message
	after time.Duration
}

// answer is a reply as expressions see it.
type answer struct {
	From    string          `json:"from"`
	Body    json.RawMessage `json:"body"`
	Headers eip.Headers     `json:"headers"`
	After   float64         `json:"after"` // milliseconds
}

// ask sends the requests: to each queue one with an identifier of its own, by which its
// answer is told from the others'.
func (g *gathering) ask(ctx context.Context, request *eip.Message) error {
	s := g.stage
	g.to = map[string]string{}
	for _, t := range s.To {
		id := eip.NewID()
		if err := s.replies.Expect(id, g.take); err != nil {
			g.forget()
			return err
		}
		g.ids = append(g.ids, id)
		if len(s.To) > 1 {
			g.to[id] = t.Name
		}
		q := request.With(func(q *eip.Message) {
			q.ID, q.ReplyTo = id, s.inbox.Address()
			if s.header == "" {
				q.CorrelationID = id
			}
		})
		if s.header != "" {
			q = q.WithHeader(s.header, id)
		}
		s.asked.Add(1)
		eip.Deliver(ctx, t.Handler, q.Fork(func(err error) {
			if err != nil {
				g.end(fmt.Errorf("ask %s: %w", t.Name, err))
			}
		}))
	}
	g.message.Sent(len(s.To))
	return nil
}

func (g *gathering) forget() {
	for _, id := range g.ids {
		g.stage.replies.Forget(id)
	}
}

// take keeps a reply until wait looks at it.
func (g *gathering) take(reply *eip.Message, err error) (more bool) {
	if err != nil {
		g.end(err)
		return false
	}
	size := reply.Size()
	g.message.Charge(size)
	g.mu.Lock()
	if g.bytes += size; g.bytes > mostReplyBytes || len(g.queue) >= mostReplies {
		if g.over == nil {
			g.over = eip.Permanent(errTooMuch)
		}
	} else {
		g.queue = append(g.queue, came{reply, g.stage.clock.Since(g.began)})
	}
	g.mu.Unlock()
	g.wake()
	return true
}

func (g *gathering) end(err error) {
	g.mu.Lock()
	if g.over == nil {
		g.over = err
	}
	g.mu.Unlock()
	g.wake()
}

func (g *gathering) wake() {
	select {
	case g.arrived <- struct{}{}:
	default:
	}
}

// wait returns when the replies are complete, or as complete as they are after the time.
func (g *gathering) wait(ctx context.Context) error {
	s := g.stage
	end, stop := s.clock.NewTimer(s.Timeout)
	defer stop.Stop()
	var quiet <-chan time.Time
	stopQuiet := func() bool { return false }
	defer func() { stopQuiet() }()
	for heard := 0; ; {
		complete, err := g.look(ctx)
		if complete || err != nil {
			return err
		}
		if s.Quiet > 0 && len(g.got) > heard {
			stopQuiet()
			due, timer := s.clock.NewTimer(s.Quiet)
			heard, quiet, stopQuiet = len(g.got), due, timer.Stop
		}
		select {
		case <-g.arrived:
		case <-quiet:
			return nil
		case <-end:
			return g.incomplete()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look takes in what has come, and reports whether that is all.
func (g *gathering) look(ctx context.Context) (complete bool, err error) {
	s := g.stage
	g.mu.Lock()
	queue, over := g.queue, g.over
	g.queue = nil
	g.mu.Unlock()
	if over != nil {
		return false, over
	}
	for _, c := range queue {
		g.add(ctx, c)
	}
	switch {
	case s.count > 0 && s.names == nil && len(g.got) >= s.count, s.names != nil && len(g.missing()) == 0:
		return true, nil
	case s.Complete == nil || len(g.got) == 0:
		return false, nil
	}
	v, err := s.Complete(ctx, g.message, g.document())
	if err != nil {
		return false, fmt.Errorf("complete: %w", err)
	}
	complete, ok := v.(bool)
	if !ok {
		return false, eip.Invalid(fmt.Errorf("complete: the expression gives %s, and not true or false", content.KindOf(v)))
	}
	return complete, nil
}

// add takes in a reply, unless its sender has answered already, or it cannot be read.
func (g *gathering) add(ctx context.Context, c came) {
	s := g.stage
	a := answer{From: g.to[c.reply.CorrelationID], Headers: c.reply.Headers, After: float64(c.after) / float64(time.Millisecond)}
	var err error
	if s.Who != nil {
		a.From, err = s.Who(ctx, c.reply)
	}
	if err == nil {
		a.Body, err = raw(c.reply)
	}
	if err != nil {
		s.unread.Add(1)
		return
	}
	if a.From != "" && slices.ContainsFunc(g.got, func(o answer) bool { return o.From == a.From }) {
		s.doubled.Add(1)
		return
	}
	s.answered.Add(1)
	s.roundTrips.Record(c.after)
	g.got = append(g.got, a)
}

// missing are those who have not answered.
func (g *gathering) missing() []string {
	all := []string{}
	for _, name := range g.expected() {
		if !slices.ContainsFunc(g.got, func(a answer) bool { return a.From == name }) {
			all = append(all, name)
		}
	}
	return all
}

// expected are the names of those who must answer, as far as they have any.
func (g *gathering) expected() (names []string) {
	switch {
	case g.stage.names != nil:
		return g.stage.names
	case len(g.stage.To) > 1 && g.stage.Who == nil:
		for _, t := range g.stage.To {
			names = append(names, t.Name)
		}
	}
	return names
}

// incomplete says what becomes of a message whose time has passed.
func (g *gathering) incomplete() error {
	s, missing := g.stage, g.missing()
	lack := len(missing)
	if lack == 0 {
		lack = max(0, s.count-len(g.got))
	}
	s.missing.Add(int64(lack))
	if s.Incomplete == Release || s.Incomplete == "" && s.Expect != nil {
		return nil
	}
	who := ""
	if len(missing) > 0 {
		who = ": " + strings.Join(missing, ", ")
	}
	return fmt.Errorf("%d of the replies did not come within %v%s", lack, s.Timeout, who)
}
