package eip

import (
	"context"
	"errors"
	"io"
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
	left    int
}

type received struct {
	m   *Message
	err error
}

// Receive starts one reader a source when first called. The readers end with that
// call's context: a flow receives with one context throughout.
func (s *merged) Receive(ctx context.Context) (*Message, error) {
	if s.got == nil {
		s.got, s.left = make(chan received), len(s.sources)
		for _, src := range s.sources {
			go read(ctx, src, s.got)
		}
	}
	for s.left > 0 {
		select {
		case g := <-s.got:
			if !errors.Is(g.err, io.EOF) {
				return g.m, g.err
			}
			s.left--
		case <-ctx.Done():
			s.got = nil
			return nil, ctx.Err()
		}
	}
	return nil, io.EOF
}

func read(ctx context.Context, src Source, got chan<- received) {
	for {
		m, err := src.Receive(ctx)
		select {
		case got <- received{m, err}:
		case <-ctx.Done():
			if m != nil {
				m.receipt.release(errStopped)
			}
			return
		}
		if err != nil && !(m != nil && IsInvalid(err)) {
			return
		}
	}
}
