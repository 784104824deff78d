package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// queueNames are all queues that jobs move messages between.
var queueNames = append([]string{"in", "out", "audit"}, routeNames[:]...)

// work is a job's messages: n of them, each with a number of its own in its body.
type work struct {
	ch *amqp.Channel
	n  int
	// belongs names the queues where a message of this route belongs.
	belongs func(route) []string
}

// number is where a body has its 24 characters of id, which hold its number.
const number = len(`{"id":"`)

func numbered(i int) []byte {
	body := bytes.Clone(corpus().bodies[i%distinct])
	copy(body[number:], fmt.Sprintf("%024d", i))
	return body
}

// targets are the queues of a job, and how many messages belong in each.
func (w work) targets() map[string]int {
	t := map[string]int{}
	for to, count := range expected(w.n) {
		for _, queue := range w.belongs(route(to)) {
			t[queue] += int(count)
		}
	}
	return t
}

// fill empties all queues, and publishes the messages.
func (w work) fill() error {
	for _, queue := range queueNames {
		if _, err := w.ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare queue %s: %w", queue, err)
		}
		if _, err := w.ch.QueuePurge(queue, false); err != nil {
			return fmt.Errorf("purge queue %s: %w", queue, err)
		}
	}
	var last *amqp.DeferredConfirmation
	for i := range w.n {
		var err error
		last, err = w.ch.PublishWithDeferredConfirm("", "in", true, false, amqp.Publishing{
			ContentType: "application/json", DeliveryMode: amqp.Persistent, Headers: amqp.Table{"shop": "north"}, Body: numbered(i)})
		if err != nil {
			return fmt.Errorf("fill queue in: %w", err)
		}
		if i%1000 == 999 && !last.Wait() {
			return fmt.Errorf("fill queue in: not confirmed")
		}
	}
	if !last.Wait() {
		return fmt.Errorf("fill queue in: not confirmed")
	}
	return nil
}

// depth is how many messages are ready in queues.
func (w work) depth(queues map[string]int) (sum int, err error) {
	for queue := range queues {
		q, err := w.ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		if err != nil {
			return 0, fmt.Errorf("look at queue %s: %w", queue, err)
		}
		sum += q.Messages
	}
	return sum, nil
}

// arrive waits until all messages are where they belong, and returns how many
// came a second from when the first was seen.
func (w work) arrive(ctx context.Context) (rate float64, err error) {
	targets, all := w.targets(), 0
	for _, count := range targets {
		all += count
	}
	var begin time.Time
	first := 0
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d messages came: %w", first, all, context.Cause(ctx))
		}
		depth, err := w.depth(targets)
		if err != nil {
			return 0, err
		}
		switch {
		case depth == 0:
		case begin.IsZero():
			begin, first = time.Now(), depth
		case depth >= all:
			return float64(w.n) / float64(all) * float64(all-first) / time.Since(begin).Seconds(), nil
		}
	}
}

// check empties the queues: each message must be where it belongs, once, byte for
// byte, and nothing else. It reports whether each queue had its messages in order.
func (w work) check(ctx context.Context) (ordered bool, err error) {
	ordered = true
	if left, err := w.depth(map[string]int{"in": 0}); err != nil || left > 0 {
		return false, fmt.Errorf("%d messages were left in queue in, %w", left, err)
	}
	for queue, count := range w.targets() {
		deliveries, err := w.ch.Consume(queue, queue, true, false, false, false, nil)
		if err != nil {
			return false, fmt.Errorf("consume from %s: %w", queue, err)
		}
		seen, last := make([]bool, w.n), -1
		for range count {
			select {
			case d := <-deliveries:
				i, err := w.identify(queue, d.Body)
				switch {
				case err != nil:
					return false, err
				case seen[i]:
					return false, fmt.Errorf("message %d came twice to queue %s", i, queue)
				}
				ordered = ordered && i > last
				seen[i], last = true, i
			case <-ctx.Done():
				return false, fmt.Errorf("empty queue %s: %w", queue, context.Cause(ctx))
			}
		}
		if err := w.ch.Cancel(queue, false); err != nil {
			return false, fmt.Errorf("stop consuming: %w", err)
		}
		if d, ok := <-deliveries; ok {
			return false, fmt.Errorf("a message too many in queue %s: %.60s", queue, d.Body)
		}
	}
	return ordered, nil
}

// identify returns a message's number, where it is in a queue where it belongs and
// unchanged.
func (w work) identify(queue string, body []byte) (int, error) {
	if len(body) < number+24 {
		return 0, fmt.Errorf("queue %s has a message of %d bytes", queue, len(body))
	}
	i, err := strconv.Atoi(string(body[number : number+24]))
	if err != nil || i < 0 || i >= w.n || !bytes.Equal(body, numbered(i)) {
		return 0, fmt.Errorf("queue %s has an altered message: %s", queue, body)
	}
	for _, name := range w.belongs(corpus().routes[i%distinct]) {
		if name == queue {
			return i, nil
		}
	}
	return 0, fmt.Errorf("message %d came to queue %s", i, queue)
}
