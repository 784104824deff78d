package amqp

import (
	"maps"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// A declaration of something can be made without creating it, or to create it, or
// compare it with what is there.
type declaration interface {
	passive(*amqp.Channel) error
	active(*amqp.Channel) error
}

// planned is a declaration that can be compared in all that differs.
type planned interface {
	declaration
	// own reports whether it is of one connection alone.
	own() bool
	// passing reports whether it goes with those who use it.
	passing() bool
	// adopt takes over what the server has; false where it cannot.
	adopt(inequivalence) bool
}

type exchange struct {
	name, kind          string
	durable, autoDelete bool
	arguments           amqp.Table
}

func (e *exchange) passive(ch *amqp.Channel) error {
	return ch.ExchangeDeclarePassive(e.name, e.kind, e.durable, e.autoDelete, false, false, e.arguments)
}

func (e *exchange) active(ch *amqp.Channel) error {
	return ch.ExchangeDeclare(e.name, e.kind, e.durable, e.autoDelete, false, false, e.arguments)
}

func (e *exchange) own() bool     { return false }
func (e *exchange) passing() bool { return e.autoDelete }

func (e *exchange) adopt(i inequivalence) bool {
	if i.Argument == "type" && i.found != e.kind {
		e.kind = i.found
		return true
	}
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
	return i.flag("durable", &q.durable) || i.flag("auto_delete", &q.autoDelete) || i.flag("exclusive", &q.exclusive) || i.argument(&q.arguments)
}

// An inequivalence is the server's word on a declaration that does not match.
type inequivalence struct {
	broker.Difference
	found, kind string // the server's value, and its type as far as it says
}

// parseInequivalence reads what RabbitMQ writes, which may be cut off where names
// are long:
//
//	PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'long' but current is none
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
	if i.Wanted, i.Found = ours, i.found; ours == i.found { // of another type, then
		i.Wanted, i.Found = ours+" ("+oursKind+")", i.found+" ("+i.kind+")"
	}
	return i, true
}

// value reads none, '5' and the value '5' of type 'long'.
func value(text string) (value, kind string) {
	if text == "none" {
		return text, text
	}
	text, kind, _ = strings.Cut(strings.TrimPrefix(text, "the value "), "' of type '")
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

// argument takes over an argument of the types that arguments mostly have. The
// server names no type where both have the argument; it is ours, then.
func (i inequivalence) argument(to *amqp.Table) bool {
	if !strings.HasPrefix(i.Argument, "x-") && i.Argument != "alternate-exchange" {
		return false
	}
	ours, present := (*to)[i.Argument]
	found, ok := i.parse(ours)
	if !ok || present && found == ours {
		return false
	}
	t := maps.Clone(*to)
	if t == nil {
		t = amqp.Table{}
	}
	if t[i.Argument] = found; found == nil {
		delete(t, i.Argument)
	}
	*to = t
	return true
}

// parse returns the server's value as one for a declaration, nil for none.
func (i inequivalence) parse(ours any) (v any, ok bool) {
	kind := i.kind
	if kind == "" {
		switch ours.(type) {
		case string:
			kind = "longstr"
		case int32, int64:
			kind = "long"
		case bool:
			kind = "bool"
		}
	}
	var err error
	switch kind {
	case "none":
	case "longstr":
		v = i.found
	case "signedint", "long", "short", "byte", "unsignedbyte", "unsignedshort", "unsignedint":
		v, err = strconv.ParseInt(i.found, 10, 64)
	case "bool":
		v, err = strconv.ParseBool(i.found)
	default:
		return nil, false
	}
	return v, err == nil
}
