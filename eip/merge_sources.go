package eip

import (
	"context"
	"errors"
	"io"
	"sync"
)

// MergeSources makes one Source of several. Each keeps its own order. The merged
// one ends when all have ended, and fails when one fails.
func MergeSources(sources ...Source) Source {
	if len(sources) == 1 {
		return sources[0]
	}
	return &merged{sources: sources}
}

type merged struct {
	sources []Source
	got     chan received // nil until the first Receive, and after its context ended
	taken   chan struct{} // lets the reader that gave the last message go on
	gave    bool          // a reader waits for taken
	left    int
	stop    context.CancelFunc // ends the readers
	readers sync.WaitGroup
}

// unreader is a Source that takes back a message that was received, and not begun
// because the flow stopped. It gives it again.
type unreader interface{ Unread(m *Message) }

type received struct {
	m   *Message
	err error
}

// Receive starts one reader a source when first called. The readers end with that
// call's context, a flow receives with one context throughout, and when one of the
// sources fails. A source is asked for its next message when the one before was
// taken: so one that has ended has nothing under way.
func (s *merged) Receive(ctx context.Context) (*Message, error) {
	if s.got == nil {
		s.start(ctx)
	}
	if s.gave {
		select {
		case s.taken <- struct{}{}:
		case <-ctx.Done():
		}
	}
	for s.left > 0 {
		if ctx.Err() != nil { // what a reader has got goes back
			s.end()
			return nil, ctx.Err()
		}
		select {
		case g := <-s.got:
			s.gave = g.goesOn()
			switch {
			case s.gave:
				return g.m, g.err
			case !errors.Is(g.err, io.EOF):
				s.end()
				return nil, g.err
			}
			s.left--
		case <-ctx.Done():
			s.end()
			return nil, ctx.Err()
		}
	}
	return nil, io.EOF
}

func (s *merged) start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	s.got, s.taken, s.gave, s.left = make(chan received), make(chan struct{}), false, len(s.sources)
	for _, src := range s.sources {
		s.readers.Go(func() { read(ctx, src, s.got, s.taken) })
	}
}

// end waits for the readers, as only one may read a source at a time.
func (s *merged) end() {
	s.stop()
	s.readers.Wait()
	s.got = nil
}

// goesOn reports whether the source it came from can give more.
func (g received) goesOn() bool { return g.err == nil || g.m != nil && IsInvalid(g.err) }

func read(ctx context.Context, src Source, got chan<- received, taken <-chan struct{}) {
	for {
		m, err := src.Receive(ctx)
		g := received{m, err}
		select {
		case got <- g:
		case <-ctx.Done():
			switch u, ok := src.(unreader); {
			case m == nil:
			case ok && err == nil:
				u.Unread(m)
			default:
				m.receipt.release(errStopped)
			}
			return
		}
		if !g.goesOn() {
			return
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return
		}
	}
}
