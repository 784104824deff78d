package stream

import (
	"context"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/internal/redelivery"
)

// A Feed reads a stream for those who take messages from it, a piece at a time and
// only when somebody waits: a read that blocks cannot be stopped, so it must not
// be theirs. What is settled with an error goes back to the feed.
type Feed struct {
	read    func() ([]Line, error) // blocks; some lines, and at the end an error
	longest int
	ids     *IDs
	failed  redelivery.Queue[*fed]

	mu      sync.Mutex
	lines   []Line
	err     error
	reading bool
	changed chan struct{} // closed when there is something new
}

// NewFeed makes a Feed of lines of at most longest bytes. Only one goroutine calls read
// at a time: it blocks, and returns some lines, and at the end an error. What fails comes
// again by the clock.
func NewFeed(clock eip.Clock, longest int, read func() ([]Line, error)) *Feed {
	f := &Feed{read: read, longest: longest, ids: NewIDs(), changed: make(chan struct{})}
	f.failed.Clock = clock
	f.failed.Changed = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.wake()
	}
	return f
}

// wake is called with the lock.
func (f *Feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// take waits for the next line.
func (f *Feed) take(ctx context.Context, closed <-chan struct{}) (*fed, error) {
	for {
		f.mu.Lock()
		changed := f.changed
		if next, ok := f.failed.Take(); ok {
			f.mu.Unlock()
			return next, nil
		}
		switch {
		case len(f.lines) > 0:
			next := &fed{feed: f, line: f.lines[0], id: f.ids.Next()}
			f.lines = f.lines[1:]
			f.mu.Unlock()
			return next, nil
		case f.err != nil && f.failed.Empty():
			f.mu.Unlock()
			return nil, f.err
		case f.err == nil && !f.reading:
			f.reading = true
			go f.readOn()
		}
		f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-closed:
			return nil, eip.ErrClosed
		}
	}
}

func (f *Feed) readOn() {
	lines, err := f.read()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = false
	f.lines, f.err = lines, err
	f.wake()
}

// Done reports whether the feed will give nothing more.
func (f *Feed) Done() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil && len(f.lines) == 0 && f.failed.Empty()
}

// fed is a line that was given out.
type fed struct {
	feed  *Feed
	line  Line
	id    string
	again bool
}

// Settle gives a line back that could not be settled.
func (f *fed) Settle(err error) {
	if err != nil {
		f.again = true
		f.feed.failed.Put(f)
	}
}

// ReadLines makes the read of a Feed that gives line after line: all that can be
// had by one read of the stream.
func ReadLines(r *LineReader) func() ([]Line, error) {
	return func() (lines []Line, err error) {
		for len(lines) == 0 || r.ready() {
			l, err := r.Next()
			if err != nil {
				if l, ok := r.Last(); ok {
					lines = append(lines, l)
				}
				return lines, err
			}
			lines = append(lines, l)
		}
		return lines, nil
	}
}

// A Source makes messages of a Feed's lines.
type Source struct {
	feed        *Feed
	channel     string
	contentType string
	closed      chan struct{}
	closeOnce   func() error
}

// NewSource makes a source that calls release when it is closed.
func NewSource(f *Feed, env *adapter.Env, contentType string, release func()) *Source {
	s := &Source{feed: f, channel: env.Channel(), contentType: contentType, closed: make(chan struct{})}
	s.closeOnce = sync.OnceValue(func() error {
		close(s.closed)
		release()
		return nil
	})
	return s
}

func (s *Source) Receive(ctx context.Context) (*eip.Message, error) {
	if err := EndedOrClosed(ctx, s.closed); err != nil {
		return nil, err
	}
	next, err := s.feed.take(ctx, s.closed)
	if err != nil {
		return nil, err
	}
	m := eip.NewFor(next.line.Body(s.feed.longest), next)
	m.ID, m.Channel, m.ContentType, m.Redelivered = next.id, s.channel, s.contentType, next.again
	return m, next.line.Err(s.feed.longest)
}

func (s *Source) Close() error { return s.closeOnce() }
