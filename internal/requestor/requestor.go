// Package requestor asks others, and gives each reply to who waits for it.
package requestor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
)

// A Requestor tells replies apart by their Correlation Identifier. It is the Handler of
// those from an inbox, and the Replier of a request that is replied to directly. Those
// that nobody waits for, any more or at all, are dropped. The zero Requestor is ready.
// Its methods are safe for concurrent use.
type Requestor struct {
	Unmatched atomic.Int64 // replies that nobody expected

	mu      sync.Mutex
	waiting map[string]Take
	lost    error // no reply comes any more

	inbox   Inbox
	cancel  context.CancelFunc
	stopped chan struct{}
}

// A Take is told of a reply, or of why none will come any more, and says whether it
// wants further ones. It must not block, nor call the Requestor.
type Take func(reply *eip.Message, err error) (more bool)

// An Inbox is where replies come in.
type Inbox interface {
	eip.Source
	Close() error
}

// ErrOver is that a context has ended before there was a reply.
var ErrOver = errors.New("there was no reply in time")

var errNoReply = errors.New("the service took the request and gave no reply")

// Listen returns a Requestor that takes replies from an inbox, until Close.
func Listen(inbox Inbox) *Requestor {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Requestor{inbox: inbox, cancel: cancel, stopped: make(chan struct{})}
	go r.receive(ctx)
	return r
}

func (r *Requestor) receive(ctx context.Context) {
	defer close(r.stopped)
	for {
		m, err := r.inbox.Receive(ctx)
		if m != nil {
			eip.Deliver(ctx, r, m)
			continue
		}
		if err != nil {
			r.end(fmt.Errorf("receive replies: %w", err))
			return
		}
	}
}

func (r *Requestor) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = err
	for _, take := range r.waiting {
		take(nil, err)
	}
}

// Close ends what Listen began, and closes the inbox.
func (r *Requestor) Close() error {
	r.cancel()
	<-r.stopped
	return r.inbox.Close()
}

// Expect has take told of the replies with an identifier, until Forget. It returns an
// error where none can come.
func (r *Requestor) Expect(id string, take Take) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting = map[string]Take{}
	}
	if r.lost == nil {
		r.waiting[id] = take
	}
	return r.lost
}

// Forget undoes Expect.
func (r *Requestor) Forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// Handle gives a reply to who expects it.
func (r *Requestor) Handle(_ context.Context, reply *eip.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch take := r.waiting[reply.CorrelationID]; {
	case take == nil:
		r.Unmatched.Add(1)
	case !take(reply, nil):
		delete(r.waiting, reply.CorrelationID)
	}
	return nil
}

// Reply gives a reply that did not come by an inbox to who expects it.
func (r *Requestor) Reply(ctx context.Context, _, reply *eip.Message) error {
	return r.Handle(ctx, reply)
}

// Ask sends a request, and waits for its reply, until ctx ends: then the error is
// ErrOver. Without a Return Address, it fails when it settles unanswered.
func (r *Requestor) Ask(ctx context.Context, to eip.Handler, request *eip.Message) (*eip.Message, error) {
	type answer struct {
		reply *eip.Message
		err   error
	}
	first := make(chan answer, 1) // the first word counts
	take := func(reply *eip.Message, err error) bool {
		select {
		case first <- answer{reply, err}:
		default:
		}
		return false
	}
	if err := r.Expect(request.CorrelationID, take); err != nil {
		return nil, err
	}
	defer r.Forget(request.CorrelationID)
	direct := request.ReplyTo == ""
	eip.Deliver(ctx, to, request.WithReplier(r).Fork(func(err error) {
		if err == nil && direct {
			err = errNoReply
		}
		if err != nil {
			take(nil, err)
		}
	}))
	select {
	case a := <-first:
		return a.reply, a.err
	case <-ctx.Done():
		take(nil, ErrOver)
	}
	a := <-first
	return a.reply, a.err
}
