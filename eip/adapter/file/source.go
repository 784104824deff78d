package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/internal/redelivery"
)

// pollEvery is how often followed files are looked at. Looking takes a twentieth
// of the time at most, however many files there are.
const (
	pollEvery   = 100 * time.Millisecond
	pollAtMost  = 10 * time.Second
	pollPortion = 20
)

// source makes messages of files, one after the other.
type source struct {
	*Adapter
	env     *adapter.Env
	channel string
	mu      sync.Mutex // of reader
	reader  reader
	found   listing
	links   int // that were left out when that was logged
	failed  redelivery.Queue[*given]
	changed chan struct{} // something failed before and is due
	polled  time.Time
	poll    time.Duration
	closed  chan struct{}
	once    sync.Once
	err     error
}

// A reader reads what is there.
type reader interface {
	// look finds what is new since the last time.
	look() error
	// next returns the next of what look found; nil when that was all.
	next() (*given, error)
	close() error
}

// given is what became one message.
type given struct {
	origin      origin
	id          string
	body        []byte
	contentType string
	headers     eip.Headers
	timestamp   time.Time
	again       bool
	early       bool // settled already, by a store that commits both at once
	err         error
	ticket      uint64       // of a line: in its file's window
	content     *fileContent // of a whole file
}

// An origin is told that a message which it gave is settled, or has failed.
type origin interface {
	settled(g *given)
	fail(g *given)
	// keptIn reports whether the position, and nothing else that settled changes,
	// is in p.
	keptIn(p adapter.Positions) bool
}

// Settle moves the position on, or has the message delivered again.
func (g *given) Settle(err error) {
	if err == nil {
		if !g.early {
			g.origin.settled(g)
		}
		return
	}
	g.again = true
	g.origin.fail(g)
}

// SettleEarly moves the position on in the transaction that p commits.
func (g *given) SettleEarly(p adapter.Positions) bool {
	if !g.origin.keptIn(p) {
		return false
	}
	if !g.early {
		g.early = true
		g.origin.settled(g)
	}
	return true
}

func openSource(a *Adapter, env *adapter.Env) (*source, error) {
	s := &source{Adapter: a, env: env, channel: env.Channel(), changed: make(chan struct{}, 1), poll: pollEvery, closed: make(chan struct{})}
	s.failed.Clock = env.Clock
	s.failed.Changed = func() {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
	if a.Format == adapter.Whole {
		s.reader = newWholeFiles(s)
	} else {
		s.reader = newLineFiles(s)
	}
	if err := s.look(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open file: %w", err)
	}
	return s, nil
}

// find returns the files that there are now. That there is none yet is no error of
// a source that follows.
func (s *source) find() ([]string, error) {
	found, err := find(s.Path.Source)
	if s.Follow && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.found.close()
	s.found = found
	if n := len(found.links); n != s.links {
		if s.links = n; n > 0 {
			s.env.Log.Warn("symbolic links are left out: they lead nowhere, or out of the folder before the first wildcard", slog.Int("links", n), slog.String("first", found.links[0]))
		}
	}
	if len(found.paths) == 0 && !s.Follow {
		s.env.Log.Warn("no file matches, so there is nothing to read", slog.String("path", s.Path.Source))
	}
	return found.paths, nil
}

func (s *source) next() (*given, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := stream.EndedOrClosed(context.Background(), s.closed); err != nil {
		return nil, err
	}
	return s.reader.next()
}

func (s *source) look() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := stream.EndedOrClosed(context.Background(), s.closed); err != nil {
		return err
	}
	begin := time.Now()
	err := s.reader.look()
	s.polled = time.Now()
	s.poll = min(max(pollEvery, pollPortion*s.polled.Sub(begin)), pollAtMost)
	return err
}

func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if g, ok := s.failed.Take(); ok {
			return s.deliver(g)
		}
		g, err := s.next()
		switch {
		case err != nil:
			return nil, err
		case g != nil:
			return s.deliver(g)
		case !s.Follow && s.failed.Empty():
			return nil, io.EOF
		}
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// wait waits until there may be something, and looks.
func (s *source) wait(ctx context.Context) error {
	var poll <-chan time.Time
	if s.Follow {
		t := time.NewTimer(time.Until(s.polled.Add(s.poll)))
		defer t.Stop()
		poll = t.C
	}
	select {
	case <-poll:
		return s.look()
	case <-s.changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return eip.ErrClosed
	}
}

func (s *source) deliver(g *given) (*eip.Message, error) {
	m := eip.NewFor(g.body, g)
	m.ID, m.Channel, m.ContentType, m.Headers = g.id, s.channel, g.contentType, g.headers
	m.Timestamp, m.Redelivered = g.timestamp, g.again
	return m, g.err
}

func (s *source) fail(g *given) { s.failed.Put(g) }

// Close ends Receive and closes the files.
func (s *source) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = s.reader.close()
		s.found.close()
	})
	return s.err
}

// key is where the position of what has the given name is kept.
func (s *source) key(name string) string {
	return fmt.Sprintf("file/%s/%s/%s", s.env.Flow, s.Format, name)
}

// kept returns what was kept under key.
func (s *source) kept(key string) ([]byte, error) {
	if s.env.Positions == nil {
		return nil, nil
	}
	value, err := s.env.Positions.Position(key)
	if err != nil {
		return nil, fmt.Errorf("read position: %w", err)
	}
	return value, nil
}

func (s *source) keptIn(p adapter.Positions) bool {
	return s.env.Positions != nil && adapter.KeptIn(s.env.Positions, p)
}

func (s *source) keep(key string, value []byte) {
	if s.env.Positions == nil {
		return
	}
	select {
	case <-s.closed: // whoever reads the file next may have moved on already
	default:
		s.env.Positions.Keep(key, value)
	}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
