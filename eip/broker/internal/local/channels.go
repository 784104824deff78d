package local

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// topic is who hears of what is sent to it.
type topic struct {
	durable bool
	byName  map[string]*Queue
	all     atomic.Pointer[[]*Queue] // of byName, for senders
}

func (t *topic) add(name string, q *Queue) {
	if t.byName == nil {
		t.byName = map[string]*Queue{}
	}
	t.byName[name] = q
	t.publish()
}

func (t *topic) publish() {
	all := slices.Collect(maps.Values(t.byName))
	t.all.Store(&all)
}

// selecting returns the subscriptions whose pattern selects m.
func (t *topic) selecting(m *eip.Message) []*Queue {
	all := t.all.Load()
	if all == nil {
		return nil
	}
	var selected []*Queue
	for i, q := range *all {
		if q.pattern.Load().Match(m.Key) {
			if selected == nil {
				selected = make([]*Queue, 0, len(*all)-i)
			}
			selected = append(selected, q)
		}
	}
	return selected
}

// durable reports whether c is to outlive the process.
func (b *Broker) durable(c broker.Channel) bool {
	return b.store != nil && c.Durable && !c.Exclusive
}

func specOf(c broker.Channel) Spec {
	return Spec{Kind: c.Kind, Address: c.Address, MaxLength: c.MaxLength, TTL: c.TTL, DeadLetter: c.DeadLetter, AutoDelete: c.AutoDelete}
}

// declare finds or makes a queue.
func (b *Broker) declare(c broker.Channel) (*Queue, error) {
	b.mu.RLock()
	q := b.queues[c.Address]
	b.mu.RUnlock()
	if q != nil && (!c.Declare || specOf(c) == q.declared()) {
		return q, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if q = b.queues[c.Address]; q != nil {
		return q, b.redeclare(q, specOf(c), b.durable(c))
	}
	if !c.Declare {
		return nil, missing("queue", c.Address, b.url)
	}
	q, err := b.make(specOf(c), b.durable(c))
	if err != nil {
		return nil, err
	}
	b.queues[c.Address] = q
	return q, nil
}

func missing(what, address, url string) error {
	return eip.Permanent(fmt.Errorf("open %s %q: it does not exist on %s, and must not be created: declare is false", what, address, url))
}

func (b *Broker) make(spec Spec, durable bool) (*Queue, error) {
	var log Log
	if durable {
		var err error
		if log, err = b.store.Declare(spec); err != nil {
			return nil, err
		}
	}
	q, err := newQueue(b, spec, log)
	if err != nil {
		return nil, err
	}
	if log != nil {
		log.Attach(q)
	}
	return q, nil
}

// redeclare fits q to what it is declared as now. One that is durable stays so.
func (b *Broker) redeclare(q *Queue, spec Spec, durable bool) error {
	if durable && q.log == nil {
		return fmt.Errorf("open %s as durable: this process has it in memory already", q.name)
	}
	return q.redeclare(spec)
}

func (q *Queue) declared() Spec {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.spec
}

// exists reports whether there is a queue at address.
func (b *Broker) exists(address string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.queues[address] != nil
}

// topicOf finds or makes a topic. The lock is held.
func (b *Broker) topicOf(c broker.Channel) (*topic, error) {
	t := b.topics[c.Address]
	if t == nil {
		if !c.Declare {
			return nil, missing("topic", c.Address, b.url)
		}
		t = &topic{}
	}
	if b.durable(c) && !t.durable {
		if _, err := b.store.Declare(Spec{Kind: broker.Topic, Address: c.Address}); err != nil {
			return nil, err
		}
		t.durable = true
	}
	b.topics[c.Address] = t
	return t, nil
}

// subscribe finds or makes a topic's subscription.
func (b *Broker) subscribe(c broker.Channel, s broker.Subscription) (*Queue, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.topicOf(c)
	if err != nil {
		return nil, err
	}
	if s.Name == "" {
		s.Name, s.Durable = eip.NewID(), false
	}
	spec := specOf(c)
	spec.Subscription, spec.Pattern = s.Name, s.Pattern
	spec.AutoDelete = false // the topic's own
	durable := s.Durable && b.durable(c)
	if q := t.byName[s.Name]; q != nil {
		return q, b.redeclare(q, spec, durable)
	}
	q, err := b.make(spec, durable)
	if err != nil {
		return nil, err
	}
	q.temp = !s.Durable
	t.add(s.Name, q)
	return q, nil
}

// remove ends a queue that nobody reads any more, with what is in it.
func (b *Broker) remove(q *Queue) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !q.removed() {
		return nil
	}
	spec := q.declared()
	if spec.Kind == broker.Queue {
		delete(b.queues, spec.Address)
	} else if t := b.topics[spec.Address]; t != nil {
		delete(t.byName, spec.Subscription)
		t.publish()
	}
	if q.log != nil {
		return b.store.Drop(spec)
	}
	return nil
}

// all returns every queue and subscription.
func (b *Broker) all() []*Queue {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := slices.Collect(maps.Values(b.queues))
	for _, t := range b.topics {
		all = append(all, slices.Collect(maps.Values(t.byName))...)
	}
	return all
}
