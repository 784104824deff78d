package amqp

import (
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A need is something that a user must be permitted. Each is tried with what the
// server cannot do: it looks at the permission first, and changes nothing.
type need struct {
	permission, of string
	try            func(*amqp.Channel) error
}

// needs are what an item that the server does not have, or has, will need.
func needs(i broker.Item, t *topology, there bool, create bool) (all []need) {
	nowhere := eip.NewID()
	add := func(permission, of string, try func(*amqp.Channel) error) {
		all = append(all, need{permission, of, try})
	}
	subscribes := i.Subscription != nil && i.Channel.Kind == broker.Topic
	switch {
	case i.Channel.Kind == broker.Topic && !subscribes:
		if create && !there {
			add("configure", t.exchange, func(ch *amqp.Channel) error {
				return ch.ExchangeDeclare(t.exchange, t.kind, t.topicDurable, t.topicAutoDelete, false, false, amqp.Table{"alternate-exchange": int32(0)})
			})
		}
		if i.Written {
			add("write", t.exchange, func(ch *amqp.Channel) error { return publish(ch, t.exchange, nowhere, "never") })
		}
		return all
	case create && !there:
		poison := amqp.Table{"x-max-length": int32(-1)}
		for name, v := range t.arguments {
			if name != "x-max-length" {
				poison[name] = v
			}
		}
		add("configure", t.queue, func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(t.queue, t.durable, t.autoDelete, t.exclusive, false, poison)
			return err
		})
		if subscribes {
			add("write", t.queue+", and read of "+t.exchange, func(ch *amqp.Channel) error { return ch.QueueUnbind(t.queue, nowhere, t.exchange, nil) })
		}
	}
	if i.Read {
		add("read", t.queue, func(ch *amqp.Channel) error {
			_, err := ch.Consume(t.queue, nowhere, false, false, false, false, amqp.Table{"x-priority": "none"})
			return err
		})
	}
	if i.Written {
		add("write", "amq.default", func(ch *amqp.Channel) error { return publish(ch, "", nowhere, "never") })
	}
	return all
}

// queueType asks for the type of a queue that there is, by consuming in ways that each
// type refuses with its name; "" where the server does not say. The user must be
// permitted to read it.
func queueType(on func(func(*amqp.Channel) error) error, queue string) string {
	for _, argument := range []amqp.Table{{"x-priority": "none"}, {"x-stream-offset": "next"}} { // the second is for a stream to take
		err := on(func(ch *amqp.Channel) error {
			if _, err := ch.Consume(queue, "", false, false, false, false, argument); err != nil {
				return err
			}
			return ch.Close()
		})
		var a *amqp.Error
		if !errors.As(err, &a) || a.Code != amqp.PreconditionFailed {
			return ""
		}
		if _, kind, ok := strings.Cut(a.Reason, "of queue type rabbit_"); ok {
			return strings.TrimSuffix(kind, "_queue")
		}
	}
	return ""
}

// refused says what the server will refuse of an item; "": nothing.
func (p *planner) refused(i broker.Item, f broker.Finding) (string, error) {
	s := broker.Subscription{}
	if i.Subscription != nil {
		s = *i.Subscription
	}
	t := receiving(i.Channel, s).typed(p.config.QueueType)
	there := f.State == broker.Fits || f.State == broker.Conflict
	var lacks []string
	for _, n := range needs(i, &t, there, i.Channel.Declare || i.Subscription != nil) {
		if n.permission == "read" && i.Channel.Exclusive {
			continue // another connection may have it
		}
		key := n.permission + " " + n.of
		why, known := p.tried[key]
		if !known {
			err := apart(p.conn, n.try)
			var a *amqp.Error
			switch {
			case p.conn.IsClosed():
				return "", lost(err)
			case errors.As(err, &a) && a.Code == amqp.AccessRefused && strings.Contains(a.Reason, "reserved prefix"):
				why = fmt.Sprintf("RabbitMQ keeps names that begin with amq. to itself (%s)", a.Reason)
			case errors.As(err, &a) && a.Code == amqp.AccessRefused:
				why = fmt.Sprintf("the user %s lacks the permission %s of %s (%s)", p.config.URL.User.Username(), n.permission, n.of, a.Reason)
			}
			p.tried[key] = why
		}
		if why != "" {
			lacks = append(lacks, why)
		}
	}
	return strings.Join(lacks, "; "), nil
}
