package amqp

import (
	"errors"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
)

// blame decides whether something that was published made the server close the channel,
// and how it is found. Published alone, it was the oldest, which then fails. A sender
// that has made it close a channel of its own keeps one.
func (x *session) blame(err *amqp.Error) (next manner) {
	suspect := faults[err.Code] || strings.Contains(err.Reason, "access to topic")
	if !err.Server || !suspect && err.Code != amqp.AccessRefused && err.Code != amqp.NotFound {
		return next
	}
	x.sender.mu.Lock()
	var lone *outgoing
	if suspect && len(x.underWay) > 0 && x.underWay[0] == x.lone {
		lone = x.lone
	}
	x.sender.mu.Unlock()
	if lone != nil {
		mark := eip.Permanent
		if strings.HasPrefix(lone.key, directReply) { // RabbitMQ 3 fails where it is forged, or its node has left
			mark = eip.Gone
		}
		x.settle(lone, mark(errors.New("publish: the broker does not take it: "+explain(err))))
	}
	x.apart = x.apart || x.trial && !x.trunk.conn.IsClosed()
	return manner{trial: !x.apart && !x.settled(), alone: suspect}
}

// faults are the reply codes of what can be a message's own fault.
var faults = map[int]bool{
	amqp.ContentTooLarge: true, amqp.PreconditionFailed: true, amqp.FrameError: true, amqp.SyntaxError: true,
	amqp.CommandInvalid: true, amqp.NotImplemented: true, amqp.NotAllowed: true, amqp.InternalError: true,
}
