package main

import (
	"context"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	prefetch = 1000
	ackEvery = 64
)

// wires are the connections to consume on and to publish on.
type wires struct{ in, out *amqp.Connection }

// sender publishes to a queue.
type sender func(queue string, p amqp.Publishing) error

// move consumes from a queue and lets handle publish what it makes of each
// message. Publishes wait for nothing; their confirms come as a stream. A message
// is acknowledged when all that was made of it and of those before it is
// confirmed, many at a time. It ends with ctx, having settled what is under way.
func (w wires) move(ctx context.Context, from string, handle func(*amqp.Delivery, sender) error) error {
	in, err := w.in.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := in.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("set prefetch: %w", err)
	}
	deliveries, err := in.Consume(from, from, false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume from %s: %w", from, err)
	}
	out, err := w.out.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := out.Confirm(false); err != nil {
		return fmt.Errorf("ask for confirms: %w", err)
	}
	returns := out.NotifyReturn(make(chan amqp.Return, 1))
	confirms := out.NotifyPublish(make(chan amqp.Confirmation, 2*prefetch)) // all that can be under way

	var waiting []uint64 // the delivery of each publish under way
	send := func(queue string, p amqp.Publishing) error {
		direct := strings.HasPrefix(queue, "amq.rabbitmq.reply-to.") // which is no queue
		return out.Publish("", queue, !direct, false, p)
	}
	settled := 0
	stopping := ctx.Done()
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("lost the consumer of %s", from)
			}
			first := out.GetNextPublishSeqNo()
			if err := handle(&d, send); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			for range out.GetNextPublishSeqNo() - first {
				waiting = append(waiting, d.DeliveryTag)
			}
		case c, ok := <-confirms:
			if !ok || !c.Ack {
				return fmt.Errorf("publish %d was not confirmed", c.DeliveryTag)
			}
			tag := waiting[0]
			waiting = waiting[1:]
			if len(waiting) > 0 && waiting[0] == tag {
				continue // another of the same message
			}
			if settled++; settled >= ackEvery || len(waiting) == 0 {
				if err := in.Ack(tag, true); err != nil {
					return fmt.Errorf("acknowledge: %w", err)
				}
				settled = 0
			}
		case r := <-returns:
			return fmt.Errorf("publish to %s: %s", r.RoutingKey, r.ReplyText)
		case <-stopping:
			if err := in.Cancel(from, false); err != nil { // what came meanwhile is given back
				return fmt.Errorf("stop consuming: %w", err)
			}
			deliveries, stopping = nil, nil
		}
		if stopping == nil && len(waiting) == 0 {
			return nil
		}
	}
}
