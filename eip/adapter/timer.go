package adapter

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Adapters.Add("timer", func() eip.Adapter { return NewTimer() }) }

// Timer is a source with a message at each tick.
type Timer struct {
	// Time between two ticks. The first tick is at once. While the flow is busy, one
	// tick waits for it, and those that come after that are left out.
	Every time.Duration `flow:"every,required"`
	// How many messages there are, counted from each start; 0: no end.
	Count int `flow:"count"`
	// The messages' body: text as it is, anything else as JSON.
	Body any `flow:"body"`
}

// NewTimer makes a Timer without end.
func NewTimer() *Timer { return &Timer{} }

// Validate checks the options.
func (a *Timer) Validate() error {
	if a.Every <= 0 {
		return eip.OptionErrorf("every", "%v is no time between two ticks; it must be more than 0", a.Every)
	}
	if a.Count < 0 {
		return eip.OptionErrorf("count", "%d is less than 0", a.Count)
	}
	if _, _, err := a.body(); err != nil {
		return eip.OptionErrorf("body", "%w", err)
	}
	return nil
}

func (a *Timer) body() (body []byte, contentType string, err error) {
	if a.Body == nil {
		return nil, "", nil
	}
	body, format, err := eip.EncodeBody(a.Body)
	if format == eip.FormatJSON {
		contentType = "application/json"
	}
	return body, contentType, err
}

// OpenSource starts a clock.
func (a *Timer) OpenSource(_ context.Context, env *eip.AdapterEnv) (eip.AdapterSource, error) {
	body, contentType, err := a.body()
	if err != nil {
		return nil, err
	}
	return &timerSource{Timer: a, body: body, contentType: contentType, channel: channelOf(env), ids: newIDs(),
		closed: make(chan struct{}), next: time.Now()}, nil
}

type timerSource struct {
	*Timer
	body        []byte
	contentType string
	channel     string
	ids         *ids
	next        time.Time
	n           int
	closed      chan struct{}
	close       sync.Once
}

func (s *timerSource) Receive(ctx context.Context) (*eip.Message, error) {
	if err := endedOrClosed(ctx, s.closed); err != nil {
		return nil, err
	}
	if s.Count > 0 && s.n == s.Count {
		return nil, io.EOF
	}
	t := time.NewTimer(time.Until(s.next))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.closed:
		return nil, eip.ErrClosed
	}
	now := time.Now()
	late := max(0, now.Sub(s.next)) / s.Every
	s.next = s.next.Add((late + 1) * s.Every)
	s.n++
	m := eip.New(s.body, nil)
	m.ID, m.Channel, m.ContentType, m.Timestamp = s.ids.next(), s.channel, s.contentType, now
	m.Sequence = eip.Sequence{Number: s.n, Size: s.Count}
	return m, nil
}

func (s *timerSource) Close() error {
	s.close.Do(func() { close(s.closed) })
	return nil
}
