// Package replies is what stages and flows share about the replies to messages: who
// gives none ([Never], [Several]), who takes them ([Listener], [Answered]), and what
// becomes of those whose requestor has gone ([GoneCaller]).
package replies

import (
	"context"

	"github.com/eipd/eipd/eip"
)

// Never reports whether nothing that h is sent is ever replied to: h, or what it leads
// to, says so by a method OneWay, as adapters do.
func Never(h eip.Handler) bool {
	o, ok := h.(interface{ OneWay() bool })
	return ok && o.OneWay()
}

// Several reports whether h hands each message to more than one handler.
func Several(h eip.Handler) bool {
	m, several := h.(eip.Multicast)
	return several && len(m) > 1
}

// Readable is the sending side of a channel that can be read beside it, as an inbox whose
// address is the channel's; of a topic it has a copy of all that is sent from then on.
type Readable interface {
	Read(ctx context.Context) (eip.Inbox, error)
}

// Reading is a stage that reads a channel; nil: it does not.
type Reading interface{ Reads() eip.Handler }

// Listening is a stage that hears all that is sent to a topic, in each process that runs its
// flow.
type Listening interface{ Listens() eip.Handler }

// Answered is a stage that takes replies in an inbox that all processes of its flow
// share.
type Answered interface {
	// Answers returns the channels that a stage of this address sends requests to, all of
	// one broker, and the name of the inbox, which it opens beside the first of them. Without
	// any it opens none.
	Answers(address string) (services []eip.Handler, name string)
}
