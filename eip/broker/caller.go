package broker

import (
	"context"

	"github.com/eipd/eipd/eip"
)

// Caller is a broker with a short way for calls: the reply is the request's confirmation,
// and no queue keeps either of them from harm. What is lost is told at once.
type Caller interface {
	Broker
	// Calls opens such a way. It waits for a broker that is away, until ctx ends.
	Calls(ctx context.Context, to Outcomes) (Calls, error)
}

// Calls is a short way that is open. It mends itself; what is under way when the
// connection is lost is lost with it.
type Calls interface {
	// Call sends a request to the queue at an address, which is not declared, and sets its
	// Return Address; the request is transient. Replies to it have its Correlation
	// Identifier, by which the caller tells them apart. An error is the request's own, that
	// of ctx, which ends waiting for a broker that is away, or ErrLost.
	Call(ctx context.Context, address string, request *eip.Message) error
	// Close ends it. Nobody is told anything more from then on.
	Close() error
}

// Outcomes is who hears what becomes of calls. Its methods must not block, and are called
// one after the other.
type Outcomes interface {
	// Replied is given each reply. It has no receipt.
	Replied(reply *eip.Message)
	// Returned is told that a request did not get to a queue. The error is one that
	// eip.Gone made, where there is none at that address.
	Returned(correlation string, err error)
	// Lost is told that no reply will come to what was sent before. The error is ErrLost.
	Lost(err error)
}

// Losing is an Inbox that may lose its address, or what is under way to it, though it
// mends itself. lost is called each time that it does, with ErrLost, and back when
// replies reach it again; neither may block.
type Losing interface {
	OnLost(lost func(error), back func())
}
