package host

import (
	"context"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

const (
	pollQuiet = time.Second           // without a message, and a poll is over
	pollLook  = 20 * time.Millisecond // whether what it took is settled
)

// poll is what a flow that polls receives from. Between two polls it leaves messages where
// they are: nobody asks for them, and what a remote broker would push has no consumer.
type poll struct {
	*flowRun
	due  time.Time  // of the next one
	from eip.Source // nil: between two polls
	ctx  context.Context
	end  context.CancelFunc
	left int // of the batch
}

// Receive waits for the next poll, if there is none, and then for a message of it.
func (p *poll) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		if p.from == nil {
			if err := p.begin(ctx); err != nil {
				return nil, err
			}
		}
		if m, err := p.receive(); m != nil || p.ctx.Err() == nil {
			p.left--
			return m, err
		}
		if p.from = nil; ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// receive returns a message of the poll; nil where it is over.
func (p *poll) receive() (*eip.Message, error) {
	block := p.decl.Poll
	if block.Batch > 0 && p.left == 0 {
		p.end()
		if len(p.sources) > 1 {
			return p.from.Receive(p.ctx) // its readers have read ahead
		}
		return nil, nil
	}
	if block.Every > 0 {
		t := p.clock().AfterFunc(pollQuiet, p.end)
		defer t.Stop()
	}
	return p.from.Receive(p.ctx)
}

func (p *poll) begin(ctx context.Context) error {
	block, clock := p.decl.Poll, p.clock()
	now := clock.Now()
	at := block.Opens(later(p.due, now))
	if wait := at.Sub(now); wait > 0 {
		p.leave(ctx, at)
		if !p.sleep(ctx, clock.Until(at)) {
			return ctx.Err()
		}
	}
	if err := p.openSources(ctx); err != nil {
		return err
	}
	p.ctx, p.end = context.WithCancel(ctx)
	if closes := block.Closes(at); !closes.IsZero() {
		over := clock.AfterFunc(clock.Until(closes), p.end)
		context.AfterFunc(p.ctx, func() { over.Stop() })
	}
	p.from, p.due, p.left = p.merged(), at.Add(block.Every), block.Batch
	return nil
}

// leave closes what a remote broker would push to. That gives back what is not settled, so
// it waits until all is, or the next poll is due. What a process must not let go of between
// two polls stays open: it has no more than a batch.
func (p *poll) leave(ctx context.Context, due time.Time) {
	for _, s := range p.sources {
		if _, inside := s.idler.(broker.Idler); inside || s.stays || p.decl.Claim().Single != "" || s.failed.Load() {
			continue
		}
		for p.flow.InFlight() > 0 {
			if p.clock().Until(due) < pollLook || !p.sleep(ctx, pollLook) {
				return
			}
		}
		_ = s.end()
		s.failed.Store(true)
	}
}

// sleep reports whether the time has passed, and ctx has not ended.
func (p *poll) sleep(ctx context.Context, d time.Duration) bool {
	passed, t := p.clock().NewTimer(d)
	defer t.Stop()
	select {
	case <-passed:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *poll) clock() eip.Clock { return p.unit.host.options.Clock }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
