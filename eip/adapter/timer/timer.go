package timer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/content"
)

func init() { adapter.Add("timer", func() any { return New() }) }

// An Adapter is a source with a message at each tick.
type Adapter struct {
	// Time between two ticks. The first tick is at once. While the flow is busy, one
	// tick waits for it, and those that come after that are left out.
	Every time.Duration `flow:"every"`
	// When it ticks, in place of every: the five fields of cron, which are minute, hour,
	// day of the month, month and day of the week. Each is *, a number, a name such as mon or
	// feb, a range, or a list of these, and may have a step, as in */15.
	Cron string `flow:"cron"`
	// The time zone of cron, such as Europe/Zurich.
	Zone string `flow:"zone"`
	// How many messages there are, counted from each start; 0: no end.
	Count int `flow:"count"`
	// The messages' body: text as it is, anything else as JSON.
	Body any `flow:"body"`
}

// New makes an Adapter without end.
func New() *Adapter { return &Adapter{Zone: "UTC"} }

// Validate checks the options.
func (a *Adapter) Validate() error {
	if a.Cron != "" && a.Every != 0 {
		return eip.OptionErrorf("cron", "every says when the ticks are; leave one of both out")
	}
	if _, option, err := a.schedule(); err != nil {
		return eip.OptionErrorf(option, "%w", err)
	}
	if a.Every <= 0 && a.Cron == "" {
		return eip.OptionErrorf("every", "%v is no time between two ticks; it must be more than 0, or cron must say when they are", a.Every)
	}
	if a.Count < 0 {
		return eip.OptionErrorf("count", "%d is less than 0", a.Count)
	}
	if _, _, err := a.body(); err != nil {
		return eip.OptionErrorf("body", "%w", err)
	}
	return nil
}

// schedule reads Cron; nil where it is not set. Of an error, it names the option.
func (a *Adapter) schedule() (s *schedule, option string, err error) {
	if a.Cron == "" {
		return nil, "", nil
	}
	zone, err := time.LoadLocation(a.Zone)
	if err != nil || a.Zone == "" {
		return nil, "zone", fmt.Errorf("%q is no time zone that this machine knows, such as Europe/Zurich", a.Zone)
	}
	s, err = parseCron(a.Cron, zone)
	return s, "cron", err
}

func (a *Adapter) body() (body []byte, contentType string, err error) {
	if a.Body == nil {
		return nil, "", nil
	}
	body, format, err := content.Encode(a.Body)
	if format == content.JSON {
		contentType = "application/json"
	}
	return body, contentType, err
}

// OpenSource starts a clock.
func (a *Adapter) OpenSource(_ context.Context, env *adapter.Env) (adapter.Source, error) {
	body, contentType, err := a.body()
	if err != nil {
		return nil, err
	}
	s := &source{Adapter: a, body: body, contentType: contentType, channel: env.Channel(), ids: stream.NewIDs(),
		clock: env.Clock, closed: make(chan struct{}), next: env.Clock.Now()}
	if s.cron, _, err = a.schedule(); s.cron != nil {
		s.next = s.cron.next(s.next)
	}
	return s, err
}

type source struct {
	*Adapter
	body        []byte
	contentType string
	channel     string
	ids         *stream.IDs
	clock       eip.Clock
	next        time.Time
	cron        *schedule // nil: at every
	n           int
	closed      chan struct{}
	close       sync.Once
}

func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	if err := stream.EndedOrClosed(ctx, s.closed); err != nil {
		return nil, err
	}
	if s.Count > 0 && s.n == s.Count {
		return nil, io.EOF
	}
	due, t := s.clock.NewTimer(s.clock.Until(s.next))
	defer t.Stop()
	select {
	case <-due:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.closed:
		return nil, eip.ErrClosed
	}
	now := s.clock.Now()
	if s.cron != nil {
		if now.Before(s.next) { // the clock was set back
			now = s.next
		}
		s.next = s.cron.next(now)
	} else {
		late := max(0, now.Sub(s.next)) / s.Every
		s.next = s.next.Add((late + 1) * s.Every)
	}
	s.n++
	m := eip.New(s.body, nil)
	m.ID, m.Channel, m.ContentType, m.Timestamp = s.ids.Next(), s.channel, s.contentType, now
	m.Sequence = eip.Sequence{Number: s.n, Size: s.Count}
	return m, nil
}

func (s *source) Close() error {
	s.close.Do(func() { close(s.closed) })
	return nil
}
