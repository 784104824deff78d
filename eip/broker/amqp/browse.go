package amqp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// RabbitMQ shows nothing of a queue but by delivering it. So a look takes messages on an
// AMQP channel of its own, and acknowledges none: when that channel closes, all are back.
const mostBrowsed = 10_000

// A quorum queue counts each delivery that was given back, and gives a message up at its
// limit. A look must leave so many.
const deliveriesLeft = 5

var _ broker.Browser = (*Broker)(nil)

// Price says what the queue's type makes it.
func (b *Broker) Price(ctx context.Context, c broker.Channel) (broker.Price, error) {
	l, err := b.look(ctx, c)
	if err != nil {
		return broker.Price{}, err
	}
	defer l.conn.free()
	return broker.Price{Deliveries: l.limit > 0, Away: true, Reorders: l.isQuorum, Most: mostBrowsed}, nil
}

// Browse shows what the queue had when the look began.
func (b *Broker) Browse(ctx context.Context, c broker.Channel, o broker.BrowseOptions) iter.Seq2[broker.Browsed, error] {
	return func(yield func(broker.Browsed, error) bool) {
		l, err := b.look(ctx, c)
		if err == nil {
			defer l.conn.free()
			err = l.each(ctx, o.Most, func(m broker.Browsed) bool { return yield(m, nil) })
		}
		if err != nil {
			yield(broker.Browsed{}, err)
		}
	}
}

// look is one look at a queue.
type look struct {
	broker   *Broker
	queue    broker.Channel
	conn     *connection // held
	channel  *amqp.Channel
	waits    int // messages, when it began
	readers  int // consumers, then
	isQuorum bool
	limit    int64 // of deliveries; below 0: none
}

// look finds out whether a queue may be looked at.
func (b *Broker) look(ctx context.Context, c broker.Channel) (*look, error) {
	if c.Kind != broker.Queue {
		return nil, eip.Permanent(fmt.Errorf("look at topic %q: nothing waits in a topic", c.Address))
	}
	conn, err := b.consume.hold(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("look at queue %q: %w", c.Address, err)
	}
	l := &look{broker: b, queue: c, conn: conn, limit: -1}
	if err := l.permitted(ctx); err != nil {
		conn.free()
		return nil, fmt.Errorf("look at queue %q: %w", c.Address, conn.lostOr(err))
	}
	return l, nil
}

// call makes a call that the server may refuse.
func (l *look) call(ctx context.Context, call func(*amqp.Channel) error) error {
	return l.conn.call(ctx, "look at queue "+l.queue.Address, call)
}

func (l *look) permitted(ctx context.Context) error {
	err := l.call(ctx, func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(l.queue.Address, true, false, false, false, nil)
		l.waits, l.readers = q.Messages, q.Consumers
		return err
	})
	var a *amqp.Error
	switch {
	case errors.As(err, &a) && a.Code == amqp.NotFound && !isDown(a):
		return eip.Gone(errors.New("it does not exist"))
	case err != nil:
		return trouble(err)
	}
	switch kind := queueType(func(call func(*amqp.Channel) error) error { return l.call(ctx, call) }, l.queue.Address); kind {
	case "classic":
		return nil
	case "quorum":
		return l.quorum(ctx)
	case "stream":
		return errors.New("it is a stream: " + noStreams)
	default:
		return errors.New("the broker does not say of what type it is, and of a quorum queue each look could be one too many")
	}
}

// quorum refuses where a look could be one too many.
func (l *look) quorum(ctx context.Context) error {
	if l.waits == 0 {
		l.broker.spend(l.queue.Address, false)
	}
	limit, known, err := l.deliveryLimit(ctx)
	const otherwise = "; give it an x-delivery-limit of %d or more, or make it a classic queue"
	switch {
	case err != nil:
		return err
	case !known:
		return fmt.Errorf("it is a quorum queue, each look is a delivery of every message in it, and how many it allows is not known"+otherwise, deliveriesLeft+1)
	case limit >= 0 && limit <= deliveriesLeft:
		return fmt.Errorf("it is a quorum queue that allows %d deliveries, and each look is one of every message in it"+otherwise, limit, deliveriesLeft+1)
	case l.broker.spent(l.queue.Address):
		return errSpent
	}
	l.isQuorum, l.limit = true, limit
	return nil
}

var errSpent = fmt.Errorf("its messages have been given back so often that another look would leave fewer than %d deliveries until the broker drops them", deliveriesLeft)

// fourLimit is what RabbitMQ 4 allows where nobody says otherwise.
const fourLimit = 20

// deliveryLimit is how often a quorum queue delivers a message at most; below 0: for ever.
// The server tells of arguments only, by refusing others. What a policy says it shows to
// nobody: where that is less, the flow file must say so.
func (l *look) deliveryLimit(ctx context.Context) (limit int64, known bool, err error) {
	const argument = "x-delivery-limit"
	four := l.conn.since(4)
	add := func(text string) {
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			return
		case n < 0 && four:
			n = math.MaxInt64
		}
		if n = max(n, 0); !known || n < limit { // below 0 is 0 to RabbitMQ 3
			limit, known = n, true
		}
	}
	t := receiving(l.queue, broker.Subscription{})
	of := t.ofQueue()
	add(fmt.Sprint(of.arguments[argument]))
	of.durable, of.autoDelete, of.exclusive = true, false, false
	of.arguments["x-queue-type"], of.arguments[argument] = "quorum", int64(otherLimit)
	var f broker.Finding
	err = l.conn.limited(ctx, func() error {
		return l.conn.within("look at queue "+l.queue.Address, func() (err error) {
			f, err = (&planner{conn: l.conn.Connection}).differences(of)
			return err
		}, func() {})
	})
	if err != nil {
		return 0, false, err
	}
	told := false // a user who may not declare the queue is not
	for _, d := range f.Differences {
		if d.Argument == argument {
			add(d.Found)
			told = true
		}
	}
	switch {
	case told && !known && four:
		limit, known = fourLimit, true
	case limit == math.MaxInt64:
		limit = -1
	}
	return limit, known, nil
}

// since reports whether the server has a version, or one after it.
func (c *connection) since(major int) bool {
	version, _ := c.Properties["version"].(string)
	text, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(text)
	return err == nil && n >= major
}

// otherLimit is one that no queue has.
const otherLimit = 999_999_937

// each shows one message after the other.
func (l *look) each(ctx context.Context, most int, yield func(broker.Browsed) bool) error {
	ch, err := l.conn.Channel()
	if err != nil {
		return fmt.Errorf("look at queue %q: open a channel: %w", l.queue.Address, l.conn.lostOr(err))
	}
	l.channel = ch
	defer l.close()
	if n := min(l.waits, mostBrowsed); most <= 0 || n < most {
		most = n
	}
	take := l.get
	if l.isQuorum {
		paged := &pages{look: l, left: most}
		defer paged.giveBack()
		take = paged.take
	}
	for range most {
		d, err := take(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("look at queue %q: %w", l.queue.Address, l.conn.lostOr(trouble(err)))
		case d == nil:
			return nil
		}
		if count, _ := d.Headers["x-delivery-count"].(int64); l.limit > 0 && count+1+deliveriesLeft > l.limit {
			l.broker.spend(l.queue.Address, true)
			return fmt.Errorf("look at queue %q: %w", l.queue.Address, errSpent)
		}
		m, _ := receive(d, l.queue.Address, nil) // headers that cannot be read are missing
		if !yield(broker.Browsed{Message: m}) {
			return nil
		}
	}
	return nil
}

func (l *look) close() { hurry(l.conn, func() { _ = l.channel.Close() }) } // it may be lost

// get asks for the next message; nil where there is none. No more than one is in memory, and
// a queue that is deleted with its last consumer has none less.
func (l *look) get(context.Context) (next *amqp.Delivery, err error) {
	err = l.conn.within("take from queue "+l.queue.Address, func() error {
		d, ok, err := l.channel.Get(l.queue.Address, false)
		if ok {
			next = &d
		}
		return err
	}, l.close)
	return next, err
}

// spent reports whether a look at a queue would be one too many, by what an earlier one
// has found: to find it out again would be another delivery.
func (b *Broker) spent(queue string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spentQueues[queue]
}

func (b *Broker) spend(queue string, spent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if delete(b.spentQueues, queue); spent {
		b.spentQueues[queue] = true
	}
}
