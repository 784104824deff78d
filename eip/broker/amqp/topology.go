package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// topology is what is declared before a channel is used.
type topology struct {
	address    string // the channel's, as messages name it
	exchange   string // of a topic
	kind       string // of the exchange
	queue      string // of a queue, or of a subscription
	pattern    string // it is bound by
	match      amqp.Table
	declare    bool // else it must exist
	undeclared bool // it was there, and could not be compared
	durable    bool
	exclusive  bool
	autoDelete bool
	arguments  amqp.Table
	topicArgs  amqp.Table
	// A topic's own life, apart from that of a subscription to it.
	topicDurable, topicAutoDelete bool
}

// mostOfExclusive is how many bytes wait in an exclusive subscription of bounded
// length at most.
const mostOfExclusive = 16 << 20

// receiving is what a source declares.
func receiving(c broker.Channel, s broker.Subscription) topology {
	t := topology{address: c.Address, queue: c.Address, declare: c.Declare, durable: c.Durable, exclusive: c.Exclusive, autoDelete: c.AutoDelete}
	if c.Kind == broker.Queue {
		t.arguments = arguments(c)
		return t
	}
	t.topic(c)
	t.queue, t.arguments = cmp.Or(s.Address, c.Address+"."+s.Name), table(s.Arguments)
	switch c.Type {
	case amqp.ExchangeDirect:
		t.pattern = s.Key
	case amqp.ExchangeHeaders:
		t.match = table(s.Match)
	case amqp.ExchangeFanout:
	default:
		t.pattern = cmp.Or(s.Pattern, "#")
	}
	t.durable, t.autoDelete, t.exclusive = s.Durable, !s.Durable, s.Exclusive
	if s.Exclusive && s.MaxLength > 0 {
		t.arguments = amqp.Table{"x-max-length": int64(s.MaxLength), "x-max-length-bytes": int64(mostOfExclusive)}
	}
	return t
}

// typed is t with a type of queue where it has none, and lasts.
func (t topology) typed(kind string) topology {
	if kind == "" || !t.durable || t.exclusive || t.autoDelete || t.arguments["x-queue-type"] != nil || t.queue == "" {
		return t
	}
	arguments := amqp.Table{"x-queue-type": kind}
	maps.Copy(arguments, t.arguments)
	t.arguments = arguments
	return t
}

// lasts reports whether the queue keeps what is given back to it, whoever consumes
// from it, as far as its declaration tells: a policy may say otherwise.
func (t *topology) lasts() bool {
	if !t.declare && t.exchange == "" || t.undeclared || !t.durable || t.exclusive || t.autoDelete {
		return false
	}
	a := t.arguments
	overflow, _ := a["x-overflow"].(string)
	switch {
	case a["x-queue-type"] == "stream", a["x-message-ttl"] != nil, a["x-expires"] != nil, a["x-delivery-limit"] == int32(0):
		return false
	case a["x-max-length"] != nil, a["x-max-length-bytes"] != nil:
		return strings.HasPrefix(overflow, "reject-publish")
	}
	return true
}

// sending is where a sender publishes to, and what it declares.
func sending(c broker.Channel) target {
	t := target{topology: topology{declare: c.Declare, durable: c.Durable, autoDelete: c.AutoDelete}}
	if c.Kind == broker.Topic {
		t.topic(c)
		return t
	}
	// A topic without a subscription takes messages and has nobody to give them to;
	// a queue that is not there would lose them.
	t.key, t.mandatory = c.Address, true
	if !c.Exclusive { // that one belongs to the connection that consumes
		t.queue, t.arguments = c.Address, arguments(c)
	}
	return t
}

func (t *topology) topic(c broker.Channel) {
	t.kind = cmp.Or(c.Type, amqp.ExchangeTopic)
	t.exchange, t.topicArgs, t.topicDurable, t.topicAutoDelete = c.Address, table(c.Arguments), c.Durable, c.AutoDelete
}

func arguments(c broker.Channel) amqp.Table {
	t := table(c.Arguments)
	if c.MaxLength > 0 {
		t["x-max-length"] = int64(c.MaxLength)
		if t["x-overflow"] == nil {
			t["x-overflow"] = "reject-publish" // the sender must hear of it
		}
	}
	if c.GroupBy != nil { // RabbitMQ knows no groups: one consumer at a time gets all
		t["x-single-active-consumer"] = true
	}
	if c.TTL > 0 {
		t["x-message-ttl"] = c.TTL.Milliseconds()
	}
	if c.DeadLetter != "" {
		t["x-dead-letter-exchange"] = ""
		t["x-dead-letter-routing-key"] = c.DeadLetter
	}
	return t
}

// table makes arguments of settings; whole numbers that fit are 32 bits wide, as
// other clients send them, so that declarations agree.
func table(settings map[string]any) amqp.Table {
	t := amqp.Table{}
	for name, v := range settings {
		t[name] = argument(v)
	}
	return t
}

func argument(v any) any {
	switch v := v.(type) {
	case int64:
		if v >= math.MinInt32 && v <= math.MaxInt32 {
			return int32(v)
		}
	case map[string]any:
		return table(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = argument(e)
		}
		return list
	case time.Duration:
		return v.Milliseconds()
	}
	return v
}

// ensure declares the topology on a connection.
func (t *topology) ensure(ctx context.Context, conn *connection) error {
	if t.exchange != "" {
		if err := t.step(ctx, conn, t.declare, "topic "+t.exchange, t.ofExchange()); err != nil {
			return err
		}
	}
	if t.queue == "" {
		return nil
	}
	create := t.declare || t.exchange != "" // a subscription is the flow's own
	if err := t.step(ctx, conn, create, "queue "+t.queue, t.ofQueue()); err != nil || t.exchange == "" {
		return err
	}
	return t.step(ctx, conn, true, "subscription "+t.queue, (*binding)(t))
}

func (t *topology) ofExchange() *exchange {
	return &exchange{t.exchange, t.kind, t.topicDurable, t.topicAutoDelete, t.topicArgs}
}

func (t *topology) ofQueue() *queue {
	return &queue{t.queue, t.durable, t.autoDelete, t.exclusive, t.arguments}
}

// binding is what has the exchange send to the queue.
type binding topology

func (b *binding) active(ch *amqp.Channel) error {
	return ch.QueueBind(b.queue, b.pattern, b.exchange, false, b.match)
}

// passive believes that it is there: AMQP cannot show it.
func (b *binding) passive(*amqp.Channel) error { return nil }

// picks is what picks messages, for people.
func (t *topology) picks() string {
	switch {
	case t.match != nil:
		return fmt.Sprint(map[string]any(t.match))
	case t.pattern == "":
		return "no key"
	}
	return t.pattern
}

// step declares one thing. Who may not declare may still use what is there.
func (t *topology) step(ctx context.Context, conn *connection, create bool, what string, d declaration) error {
	first := d.passive
	if create {
		first = d.active
	}
	err := conn.call(ctx, "declare "+what, first)
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.AccessRefused && create && conn.call(ctx, "declare "+what, d.passive) == nil {
		t.undeclared = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("declare %s: %w", what, conflict(err))
	}
	return nil
}

// conflict words a refusal of the server for people. What waiting cannot mend is
// permanent.
func conflict(err error) error {
	err = trouble(err)
	var a *amqp.Error
	if !errors.As(err, &a) {
		return err
	}
	switch a.Code {
	case amqp.PreconditionFailed:
		why := a.Reason
		if i, ok := parseInequivalence(why); ok {
			why = fmt.Sprintf("it is there already and differs in %s: the flow file says %s, the broker has %s; make both agree, or set declare = false to use it as it is", i.Argument, i.Wanted, i.Found)
		}
		return eip.Permanent(errors.New(why))
	case amqp.NotFound:
		return eip.Permanent(fmt.Errorf("it does not exist, and declare = false keeps it from being created (%s)", a.Reason))
	case amqp.ResourceLocked:
		// Or had: the server may not have noticed yet that it is gone.
		return fmt.Errorf("another connection has it to itself (%s)", a.Reason)
	}
	return errors.New(explain(err))
}
