package stomp

import (
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// fans are what makes several destinations of one on ActiveMQ, or options.
const fans = ",*>?"

// check refuses addresses that a server would take for more than a name.
func check(c broker.Channel, s *broker.Subscription) error {
	if err := checkName(c.Address); err != nil {
		return eip.OptionErrorf("address", "%s", err)
	}
	if s != nil && c.Kind == broker.Topic {
		if err := checkName(s.Name); err != nil {
			return eip.OptionErrorf("subscription", "%s", err)
		}
	}
	if s != nil && s.Select != "" && c.Arguments["selector"] != nil {
		return eip.OptionErrorf("select", "the channel's arguments have a selector already; leave one of both out")
	}
	for name, v := range c.Arguments {
		switch v.(type) {
		case string, bool, int, int32, int64, float64:
		default:
			return eip.OptionErrorf("arguments", "%s is a header of STOMP, so it is a text, a number, true or false", name)
		}
		if !argument(name, receives) && !argument(name, sends) {
			return eip.OptionErrorf("arguments", "there are x-… for RabbitMQ and activemq.…, amq-msg-type and selector for ActiveMQ; %q is none of them", name)
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("it is empty")
	case len(name) > 200:
		return fmt.Errorf("it has more than 200 bytes")
	case strings.ContainsAny(name, fans):
		return fmt.Errorf("%q holds one of %s, by which ActiveMQ sends to several", name, strings.Join(strings.Split(fans, ""), " "))
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.TrimSpace(name) != name:
		return fmt.Errorf("%q begins or ends with a blank, or holds a control character", name)
	}
	return nil
}

// side is whose frames an argument of a channel goes into.
type side int

const (
	receives side = iota // SUBSCRIBE
	sends                // SEND
)

func argument(name string, s side) bool {
	switch {
	case strings.HasPrefix(name, "x-"):
		return true
	case name == "amq-msg-type":
		return s == sends
	}
	return s == receives && (name == "selector" || strings.HasPrefix(name, "activemq."))
}

// sendTo is the destination that a channel's messages are sent to.
func (s server) sendTo(c broker.Channel) string {
	switch {
	case strings.HasPrefix(c.Address, "/"):
		return c.Address
	case c.Kind == broker.Queue:
		return s.queue(c.Address)
	case c.Virtual && s != rabbitmq:
		return "/topic/VirtualTopic." + c.Address
	}
	return "/topic/" + s.escape(c.Address)
}

// subscribeTo is the destination that a flow reads.
func (s server) subscribeTo(c broker.Channel, sub broker.Subscription) string {
	if c.Kind == broker.Topic && c.Virtual && s != rabbitmq && !sub.Exclusive {
		return "/queue/Consumer." + strings.ReplaceAll(sub.Name, ".", "_") + ".VirtualTopic." + c.Address
	}
	return s.sendTo(c)
}

func (s server) queue(name string) string { return "/queue/" + s.escape(name) }

// escape makes one segment of a name. RabbitMQ takes no slash in it, and undoes no other
// escape.
func (s server) escape(name string) string {
	if s != rabbitmq {
		return name
	}
	return strings.ReplaceAll(name, "/", "%2F")
}

// existing is a queue that sending does not create, where there is such a thing.
func (s server) existing(name string) string {
	if s == rabbitmq {
		return "/amq/queue/" + s.escape(name)
	}
	return s.queue(name)
}

// address is a Return Address as a destination. Only queues can be replied to.
func (s server) address(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", eip.Permanent(fmt.Errorf("send to %.60q: this cannot be a Return Address: %w", name, err))
	}
	if name = s.short(name); !strings.HasPrefix(name, "/") {
		return s.existing(name), nil
	}
	if s != rabbitmq && strings.HasPrefix(name, remoteQueue) {
		return name, nil
	}
	return "", eip.Permanent(fmt.Errorf("send to %.60q: a Return Address names a queue", name))
}

// replyTo is a Return Address as other clients of the server read it: those of AMQP take
// the name alone.
func (s server) replyTo(name string) (string, error) {
	to, err := s.address(name)
	if name := s.short(to); s == rabbitmq && !strings.Contains(name, "/") {
		return name, err
	}
	return to, err
}

// queues are what the destinations of queues begin with, and remoteQueue those of the
// temporary queues of ActiveMQ's other clients. One's own are nobody else's.
var queues = []string{"/queue/", "/amq/queue/", "/reply-queue/"}

const remoteQueue = "/remote-temp-queue/"

// short is a Return Address as flows see it: of an ordinary queue its name alone.
func (s server) short(destination string) string {
	for _, prefix := range queues {
		if name, ok := strings.CutPrefix(destination, prefix); ok && name != "" {
			if s == rabbitmq {
				return strings.ReplaceAll(name, "%2F", "/")
			}
			return name
		}
	}
	return destination
}
