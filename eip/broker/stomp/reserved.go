package stomp

import (
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
)

// reserved are headers that mean something to a server, or that it writes itself. A
// message's own of these names stay behind: from outside, they would do something.
var reserved = map[string]bool{
	"receipt": true, "transaction": true, "id": true, "ack": true, "subscription": true, "selector": true, "destination": true,
	"content-length": true, "message-id": true, "amqp-message-id": true, "redelivered": true, "receipt-id": true, "browser": true,
	"correlation-id": true, "reply-to": true, "type": true, "content-type": true, "content-encoding": true, "app-id": true, "user-id": true,
	"timestamp": true, "expires": true, "expiration": true, "priority": true, "persistent": true, "delivery-mode": true, "transformation": true,
	"durable": true, "auto-delete": true, "exclusive": true, "prefetch-count": true, "amq-msg-type": true, "cluster-id": true,
	"client-id": true, "original-destination": true, "login": true, "passcode": true, "host": true,
}

// orders are what the names of other such headers begin with: of the one server, of JMS,
// whose properties of that name are fields of the message, and of ActiveMQ's scheduler.
var orders = []string{"x-", "activemq.", "amq.", "amq_scheduled", "jms"}

func isReserved(name string) bool {
	lower := strings.ToLower(name)
	return name == "" || reserved[lower] || name == "CC" || name == "BCC" || slices.ContainsFunc(orders, func(o string) bool { return strings.HasPrefix(lower, o) }) ||
		strings.HasPrefix(lower, "eip-") && !isInformative(name) || strings.ContainsRune(name, 0)
}

// isInformative reports whether a header of ours is one that comes from outside, too.
func isInformative(name string) bool {
	return len(eip.Headers{name: "x"}.FromOutside()) > 0 || name == "eip-test"
}
