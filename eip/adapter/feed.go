package adapter

import (
	"context"
	"sync"

	"github.com/eipd/eipd/eip"
)

// A feed reads a stream for those who take messages from it, a piece at a time and
// only when somebody waits: a read that blocks cannot be stopped, so it must not
// be theirs. What is settled with an error goes back to the feed.
type feed struct {
	read    func() ([]line, error) // blocks; some lines, and at the end an error
	longest int
	ids     *ids
	failed  again[*fed]

	mu      sync.Mutex
	lines   []line
	err     error
	reading bool
	changed chan struct{} // closed when there is something new
}

func newFeed(longest int, read func() ([]line, error)) *feed {
	f := &feed{read: read, longest: longest, ids: newIDs(), changed: make(chan struct{})}
	f.failed.changed = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.wake()
	}
	return f
}

// wake is called with the lock.
func (f *feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// take waits for the next line.
func (f *feed) take(ctx context.Context, closed <-chan struct{}) (*fed, error) {
	for {
		f.mu.Lock()
		changed := f.changed
		if next, ok := f.failed.take(); ok {
			f.mu.Unlock()
			return next, nil
		}
		switch {
		case len(f.lines) > 0:
			next := &fed{feed: f, line: f.lines[0], id: f.ids.next()}
			f.lines = f.lines[1:]
			f.mu.Unlock()
			return next, nil
		case f.err != nil && f.failed.empty():
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

func (f *feed) readOn() {
	lines, err := f.read()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = false
	f.lines, f.err = lines, err
	f.wake()
}

// done reports whether the feed will give nothing more.
func (f *feed) done() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil && len(f.lines) == 0 && f.failed.empty()
}

// fed is a line that was given out.
type fed struct {
	feed  *feed
	line  line
	id    string
	again bool
}

// Settle gives a line back that could not be settled.
func (f *fed) Settle(err error) {
	if err != nil {
		f.again = true
		f.feed.failed.put(f)
	}
}

// readLines makes the read of a feed that gives line after line: all that can be
// had by one read of the stream.
func readLines(r *lineReader) func() ([]line, error) {
	return func() (lines []line, err error) {
		for len(lines) == 0 || r.ready() {
			l, err := r.next()
			if err != nil {
				if l, ok := r.last(); ok {
					lines = append(lines, l)
				}
				return lines, err
			}
			lines = append(lines, l)
		}
		return lines, nil
	}
}

// A feedSource makes messages of a feed's lines.
type feedSource struct {
	feed        *feed
	channel     string
	contentType string
	closed      chan struct{}
	closeOnce   func() error
}

// newFeedSource makes a source that calls release when it is closed.
func newFeedSource(f *feed, env *eip.AdapterEnv, contentType string, release func()) *feedSource {
	s := &feedSource{feed: f, channel: channelOf(env), contentType: contentType, closed: make(chan struct{})}
	s.closeOnce = sync.OnceValue(func() error {
		close(s.closed)
		release()
		return nil
	})
	return s
}

func (s *feedSource) Receive(ctx context.Context) (*eip.Message, error) {
	if err := endedOrClosed(ctx, s.closed); err != nil {
		return nil, err
	}
	next, err := s.feed.take(ctx, s.closed)
	if err != nil {
		return nil, err
	}
	m := eip.NewFor(next.line.body(s.feed.longest), next)
	m.ID, m.Channel, m.ContentType, m.Redelivered = next.id, s.channel, s.contentType, next.again
	return m, next.line.err(s.feed.longest)
}

func (s *feedSource) Close() error { return s.closeOnce() }

// endedOrClosed returns why nothing should be received.
func endedOrClosed(ctx context.Context, closed <-chan struct{}) error {
	select {
	case <-closed:
		return eip.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}
