package amqp

import (
	"maps"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// A declaration of something can be made without creating it, or to compare it.
type declaration interface {
	passive(*amqp.Channel) error
	active(*amqp.Channel) error
	// own reports whether it is of one connection alone.
	own() bool
	// passing reports whether it goes with those who use it.
	passing() bool
	// adopt takes over what the server has; false where it cannot.
	adopt(inequivalence) bool
}

type exchange struct {
	name                string
	durable, autoDelete bool
	arguments           amqp.Table
}

func (e *exchange) passive(ch *amqp.Channel) error {
	return ch.ExchangeDeclarePassive(e.name, amqp.ExchangeTopic, e.durable, e.autoDelete, false, false, e.arguments)
}

func (e *exchange) active(ch *amqp.Channel) error {
	return ch.ExchangeDeclare(e.name, amqp.ExchangeTopic, e.durable, e.autoDelete, false, false, e.arguments)
}

func (e *exchange) own() bool     { return false }
func (e *exchange) passing() bool { return e.autoDelete }

func (e *exchange) adopt(i inequivalence) bool {
	return i.flag("durable", &e.durable) || i.flag("auto_delete", &e.autoDelete) || i.argument(&e.arguments)
}

type queue struct {
	name                           string
	durable, autoDelete, exclusive bool
	arguments                      amqp.Table
}

func (q *queue) passive(ch *amqp.Channel) error {
	_, err := ch.QueueDeclarePassive(q.name, q.durable, q.autoDelete, q.exclusive, false, q.arguments)
	return err
}

func (q *queue) active(ch *amqp.Channel) error {
	_, err := ch.QueueDeclare(q.name, q.durable, q.autoDelete, q.exclusive, false, q.arguments)
	return err
}

func (q *queue) own() bool     { return q.exclusive }
func (q *queue) passing() bool { return q.exclusive || q.autoDelete }

func (q *queue) adopt(i inequivalence) bool {
	return i.flag("durable", &q.durable) || i.flag("auto_delete", &q.autoDelete) || i.argument(&q.arguments)
}

// An inequivalence is the server's word on a declaration that does not match.
type inequivalence struct {
	broker.Difference
	found, kind string // the server's value, and its type; no type for a flag
}

// parseInequivalence reads what RabbitMQ writes, which may be cut off where names
// are long:
//
//	PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'signedint' but current is none
func parseInequivalence(reason string) (i inequivalence, ok bool) {
	_, rest, ok := strings.Cut(reason, "inequivalent arg '")
	if !ok {
		return i, false
	}
	i.Argument, rest, ok = strings.Cut(rest, "' for ")
	if !ok {
		return i, false
	}
	at := strings.LastIndex(rest, ": received ")
	if at < 0 {
		return i, false
	}
	wanted, found, ok := strings.Cut(rest[at+len(": received "):], " but current is ")
	if !ok {
		return i, false
	}
	ours, oursKind := value(wanted)
	i.found, i.kind = value(found)
	i.Wanted, i.Found = ours, i.found
	if ours == i.found { // of another type, then
		i.Wanted, i.Found = ours+" ("+oursKind+")", i.found+" ("+i.kind+")"
	}
	return i, true
}

// value reads none, 'true' and the value '5' of type 'signedint'.
func value(text string) (value, kind string) {
	text = strings.TrimPrefix(text, "the value ")
	text, kind, _ = strings.Cut(text, "' of type '")
	return strings.Trim(text, "'"), strings.TrimSuffix(kind, "'")
}

func (i inequivalence) flag(name string, to *bool) bool {
	v, err := strconv.ParseBool(i.found)
	if i.Argument != name || err != nil || v == *to {
		return false
	}
	*to = v
	return true
}

// argument takes over an argument of the types that arguments mostly have.
func (i inequivalence) argument(to *amqp.Table) bool {
	if !strings.HasPrefix(i.Argument, "x-") && i.Argument != "alternate-exchange" {
		return false
	}
	t := maps.Clone(*to)
	if t == nil {
		t = amqp.Table{}
	}
	switch i.kind {
	case "": // none
		delete(t, i.Argument)
	case "longstr":
		t[i.Argument] = i.found
	case "signedint", "long", "short", "byte", "unsignedbyte", "unsignedshort", "unsignedint":
		n, err := strconv.ParseInt(i.found, 10, 64)
		if err != nil {
			return false
		}
		t[i.Argument] = n
	case "bool":
		v, err := strconv.ParseBool(i.found)
		if err != nil {
			return false
		}
		t[i.Argument] = v
	default:
		return false
	}
	*to = t
	return true
}
