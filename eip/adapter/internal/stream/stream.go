// Package stream is what the adapters share that read and write streams of bytes:
// how a stream is cut into messages ([LineReader], [ReadWhole]), a [Source] that
// reads one ahead of nobody ([Feed]), a sink that writes many messages at once
// ([Writer]), identifiers, and what several flows use at once ([Shared]).
package stream

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
)

// MaxBody is the longest body that adapters read where they are not told otherwise.
const MaxBody = 16 << 20

// CheckMaxBody checks the option max_body.
func CheckMaxBody(b eip.Bytes) error {
	if b < 1 || b > 1<<30 {
		return eip.OptionErrorf("max_body", "%v is not between 1 byte and 1GiB", b)
	}
	return nil
}

// IDs are message identifiers that cost little: random for the source, then
// counted. They are safe for concurrent use.
type IDs struct {
	prefix string
	last   atomic.Uint64
}

// NewIDs begins to count.
func NewIDs() *IDs { return &IDs{prefix: eip.NewID()[:16] + "-"} }

// Next returns another identifier.
func (s *IDs) Next() string {
	var b [40]byte
	return string(strconv.AppendUint(append(b[:0], s.prefix...), s.last.Add(1), 10))
}

// EndedOrClosed returns why nothing should be received: ctx has ended, or closed is
// closed.
func EndedOrClosed(ctx context.Context, closed <-chan struct{}) error {
	select {
	case <-closed:
		return eip.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}
