package amqp

import (
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

const noStreams = "eipd keeps no position in a stream, so a flow would lose what is sent while no process runs; read a queue that gets the same messages, as one bound to an exchange does"

var matching = []string{"all", "any", "all-with-x", "any-with-x"}

// check refuses what RabbitMQ would, and what would lose messages for certain.
func check(c broker.Channel, s *broker.Subscription) error {
	switch {
	case len(c.Address) > 255:
		return eip.OptionErrorf("address", "a name on RabbitMQ has 255 bytes at most")
	case reserved(c.Address) && c.Declare:
		return eip.OptionErrorf("address", "RabbitMQ keeps names that begin with amq. to itself; declare = false uses what is there")
	case s == nil:
		return nil
	case c.Kind == broker.Queue && c.Arguments["x-queue-type"] == "stream":
		return eip.OptionErrorf("arguments", noStreams)
	case c.Kind == broker.Queue:
		return nil
	case c.Arguments["x-super-stream"] != nil:
		return eip.OptionErrorf("arguments", noStreams)
	case s.Arguments["x-queue-type"] == "stream":
		return eip.OptionErrorf("subscription_arguments", noStreams)
	}
	t := receiving(c, *s)
	wrong, _ := s.Match["x-match"].(string)
	switch {
	case len(t.queue) > 255:
		return eip.OptionErrorf("subscription_address", "the subscription's queue is %.40s…, and a name on RabbitMQ has 255 bytes at most; set subscription_address", t.queue)
	case reserved(t.queue):
		return eip.OptionErrorf("subscription_address", "the subscription's queue would be %s, and RabbitMQ keeps names that begin with amq. to itself; set subscription_address to another name", t.queue)
	case s.Pattern != "" && t.kind != "topic":
		return eip.OptionErrorf("pattern", "a topic of the type %s knows no patterns%s", t.kind, instead[t.kind])
	case slices.ContainsFunc(strings.Split(s.Pattern, "."), func(word string) bool { return len(word) > 1 && strings.ContainsAny(word, "*#") }):
		return eip.OptionErrorf("pattern", "in %q, * and # must be words of their own, between dots, as in orders.*.eu; RabbitMQ takes them as letters otherwise", s.Pattern)
	case s.Key != "" && t.kind != "direct":
		return eip.OptionErrorf("binding_key", "it is for topics of the type direct%s", instead[t.kind])
	case s.Key == "" && t.kind == "direct":
		return eip.OptionErrorf("binding_key", "a topic of the type direct gives the messages of one key; say which")
	case s.Match != nil && t.kind != "headers":
		return eip.OptionErrorf("match", "it is for topics of the type headers%s", instead[t.kind])
	case len(s.Match) == 0 && t.kind == "headers":
		return eip.OptionErrorf("match", "a topic of the type headers gives the messages that have certain headers; say which")
	case s.Match["x-match"] != nil && !slices.Contains(matching, wrong):
		return eip.OptionErrorf("match", `x-match is "all" or "any", or one of these with "-with-x"`)
	}
	return nil
}

// instead says what picks the messages of a topic of a type.
var instead = map[string]string{
	"topic": "; one of the type topic has a pattern", "direct": "; it has a binding_key", "headers": "; it has a match", "fanout": "; it gives all messages",
}

func reserved(name string) bool { return strings.HasPrefix(name, "amq.") }

// warn says by what a queue breaks "at least once", and what is easily overlooked.
func warn(c broker.Channel, s *broker.Subscription, queueType string) (all []string) {
	var t topology
	if s != nil {
		t = receiving(c, *s).typed(queueType)
	} else {
		t = sending(c).typed(queueType)
	}
	create := c.Declare || t.exchange != ""
	if !create || t.queue == "" {
		return nil
	}
	a := t.arguments
	remedy := "name a dead_letter queue"
	if t.exchange != "" {
		remedy = "name a dead-letter exchange among the subscription_arguments"
	}
	add := func(when bool, text string) {
		if when {
			all = append(all, text)
		}
	}
	overflow, _ := a["x-overflow"].(string)
	dead := a["x-dead-letter-exchange"] != nil
	limited := a["x-max-length"] != nil || a["x-max-length-bytes"] != nil
	stream := a["x-queue-type"] == "stream"
	add(limited && !strings.HasPrefix(overflow, "reject-publish") && !dead && !stream,
		"where it is full, RabbitMQ drops its oldest messages; set the argument x-overflow to reject-publish, or max_length, which does so")
	add(a["x-message-ttl"] != nil && !dead, "RabbitMQ drops what has waited in it for its time to live; "+remedy)
	add(a["x-expires"] != nil, "RabbitMQ removes it, and what is in it, when nobody has used it for the time of x-expires")
	if s == nil {
		return all
	}
	switch {
	case c.Kind != broker.Queue: // the flow says how long its subscription is to last
	case c.Exclusive:
		add(true, "it goes with the process, and what is in it goes too")
	case c.AutoDelete:
		add(true, "it goes with its last consumer, and what is in it goes too")
	case !c.Durable:
		add(true, "it goes when the broker restarts, and what is in it goes too")
	}
	limit, isLimited := a["x-delivery-limit"]
	unlimited := limit == int32(-1)
	add(isLimited && !unlimited && !dead, "RabbitMQ drops a message that was delivered more often than x-delivery-limit without being settled, as it is when processes crash or connections are lost; "+remedy)
	add(a["x-queue-type"] == "quorum" && !isLimited && !dead,
		"RabbitMQ 4 drops a message of a quorum queue that was delivered 20 times without being settled, as it is when processes crash or connections are lost; "+
			remedy+", or set the argument x-delivery-limit to -1, which is none")
	return all
}
