package amqp

import (
	"context"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// A quorum queue puts what is given back behind all that was given back before, and mixes
// up what comes back by more than 32 at once. So a look that goes to its end gives back by
// fewer, and nearly always leaves the order as it was. What is asked for message by message
// is mixed up in any case: so a look consumes a page, whose size bounds what is in memory,
// ends that consumer, and goes on with the next page.
type pages struct {
	*look
	left       int // messages, at most
	size       int // of the page
	taken      int // of the page
	bytes      int // of all
	tag        uint64
	ends       []uint64 // the last tag of each page
	deliveries <-chan amqp.Delivery
}

const (
	largestPage = 1024
	pageBytes   = 32 << 20 // about, as large as messages were by then
	inOrder     = 32
	// silence is how long to wait for a message until the queue is asked whether there are
	// any: others may have taken them.
	silence = 200 * time.Millisecond
	// returning is how long to wait until the queue is asked again whether what was given
	// back is there.
	returning = 5 * time.Millisecond
)

// take returns the next message; nil where there is none.
func (p *pages) take(ctx context.Context) (*amqp.Delivery, error) {
	if p.taken == p.size {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	quiet := time.NewTicker(silence)
	defer quiet.Stop()
	for since := time.Now(); ; {
		select {
		case d, ok := <-p.deliveries:
			if !ok {
				return nil, broker.ErrLost
			}
			p.taken++
			p.left--
			p.bytes += len(d.Body)
			p.tag = d.DeliveryTag
			return &d, nil
		case <-quiet.C:
			var q amqp.Queue
			err := p.call(ctx, func(ch *amqp.Channel) (err error) {
				q, err = ch.QueueDeclarePassive(p.queue.Address, true, false, false, false, nil)
				return err
			})
			switch {
			case err != nil || q.Messages == 0:
				return nil, err
			case time.Since(since) > answerTime:
				return nil, fmt.Errorf("the broker delivers nothing of %d messages, as where one consumer has a queue to itself", q.Messages)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// next consumes another page.
func (p *pages) next() error {
	if err := p.end(); err != nil {
		return err
	}
	p.size, p.taken = min(max(1, 2*p.size), largestPage, p.left), 0
	if seen := int(p.tag); p.bytes > 0 {
		p.size = max(1, min(p.size, pageBytes/(p.bytes/seen+1)))
	}
	p.broker.consumers(p.queue.Address, 1)
	err := p.conn.within("consume from "+p.queue.Address, func() (err error) {
		if err := p.channel.Qos(p.size, 0, false); err != nil {
			return err
		}
		p.deliveries, err = p.channel.Consume(p.queue.Address, p.name(), false, false, false, false, nil)
		return err
	}, p.close)
	if err != nil {
		p.broker.consumers(p.queue.Address, -1)
		p.deliveries = nil
	}
	return err
}

func (p *pages) name() string { return "look-" + strconv.Itoa(len(p.ends)) }

// end ends the consumer of a page.
func (p *pages) end() error {
	if p.deliveries == nil {
		return nil
	}
	p.broker.consumers(p.queue.Address, -1)
	deliveries := p.deliveries
	p.deliveries = nil
	if err := p.conn.within("consume from "+p.queue.Address, func() error { return p.channel.Cancel(p.name(), false) }, p.close); err != nil {
		go func() {
			for range deliveries { // the library waits for who takes them
			}
		}()
		return err
	}
	for d := range deliveries {
		p.tag = d.DeliveryTag
	}
	p.ends = append(p.ends, p.tag)
	return nil
}

// giveBack gives back what was taken, few at a time, and waits until it is there: the
// server does it at some later time, and who looks again at once would not see it.
func (p *pages) giveBack() {
	if p.end() != nil {
		return // the channel's end gives back what there is
	}
	given := uint64(0)
	for _, end := range p.ends {
		for given < end {
			given = min(given+inOrder, end)
			_ = p.channel.Nack(given, true, true) // as above
		}
	}
	for end := time.Now().Add(answerTime); given > 0 && time.Now().Before(end); time.Sleep(returning) {
		var q amqp.Queue
		err := p.call(context.Background(), func(ch *amqp.Channel) (err error) {
			q, err = ch.QueueDeclarePassive(p.queue.Address, true, false, false, false, nil)
			return err
		})
		// A consumer is counted until it has nothing any more. Others may take what is back.
		if err != nil || uint64(q.Messages) >= given || p.readers > 0 && q.Consumers <= p.readers {
			return
		}
	}
}
