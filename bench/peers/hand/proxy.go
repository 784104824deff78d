package main

import (
	"fmt"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// replies is the queue on which the proxy gets the service's replies.
const replies = "proxy.replies"

// proxy stands before a service: it puts its own return address, and gives the
// reply to the requestor's. As eipd does, it forwards what is transient as such.
type proxy struct {
	mu   sync.Mutex
	last int
	open map[string]requestor
}

type requestor struct{ address, correlation string }

func (p *proxy) request(d *amqp.Delivery, send sender) error {
	p.mu.Lock()
	p.last++
	id := strconv.Itoa(p.last)
	if p.open == nil {
		p.open = map[string]requestor{}
	}
	p.open[id] = requestor{d.ReplyTo, d.CorrelationId}
	p.mu.Unlock()
	q := forward(d)
	q.ReplyTo, q.CorrelationId = replies, id
	return send("service", q)
}

func (p *proxy) reply(d *amqp.Delivery, send sender) error {
	p.mu.Lock()
	r, ok := p.open[d.CorrelationId]
	delete(p.open, d.CorrelationId)
	p.mu.Unlock()
	if !ok {
		return fmt.Errorf("a reply to no request: %q", d.CorrelationId)
	}
	q := forward(d)
	q.CorrelationId = r.correlation
	return send(r.address, q)
}
