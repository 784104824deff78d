package local

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A look goes through a queue by pages. A page of what is in memory is copied under the
// queue's lock; one of what is on disk only is read without it. Nothing is held between
// two pages, so readers and writers go on.
const (
	pageLength = 500
	pageSize   = 8 << 20
)

// Price says that a look costs nothing.
func (b *Broker) Price(_ context.Context, c broker.Channel) (broker.Price, error) {
	_, err := b.browsed(c)
	return broker.Price{}, err
}

func (b *Broker) browsed(c broker.Channel) (*Queue, error) {
	if c.Kind != broker.Queue {
		return nil, eip.Permanent(fmt.Errorf("look at topic %q: nothing waits in a topic", c.Address))
	}
	if b.closing.Err() != nil {
		return nil, eip.ErrClosed
	}
	q := b.queueOf(broker.Item{Channel: c})
	if q == nil {
		return nil, eip.Gone(fmt.Errorf("look at queue %q: it does not exist on %s", c.Address, b.url))
	}
	return q, nil
}

// Browse yields what is in a queue. What has expired, and is only not yet off the queue, is
// left out.
func (b *Broker) Browse(ctx context.Context, c broker.Channel, o broker.BrowseOptions) iter.Seq2[broker.Browsed, error] {
	return func(yield func(broker.Browsed, error) bool) {
		q, err := b.browsed(c)
		if err != nil {
			yield(broker.Browsed{}, err)
			return
		}
		q.mu.Lock()
		from, to := uint64(0), q.lastSeq
		q.mu.Unlock()
		for n := 0; from <= to; {
			var page []broker.Browsed
			if page, from, err = q.page(from, to); err != nil {
				yield(broker.Browsed{}, fmt.Errorf("look at %s: %w", q.name, err))
				return
			}
			for _, m := range page {
				if ctx.Err() != nil {
					yield(broker.Browsed{}, ctx.Err())
					return
				}
				if n++; !yield(m, nil) || n == o.Most {
					return
				}
			}
		}
	}
}

// page returns the first messages from a number on, and the number to go on with: beyond
// to where there are no more.
func (q *Queue) page(from, to uint64) (page []broker.Browsed, next uint64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if found := q.inMemory(from, to); len(found) > 0 {
		size, next, aside := int64(0), found[len(found)-1].Seq+1, map[uint64]int{}
		for i, e := range found {
			if i == pageLength || size > pageSize {
				next = e.Seq
				break
			}
			if size += e.size; e.Message == nil {
				aside[e.Seq] = len(page)
				page = append(page, broker.Browsed{Taken: e.state == taken})
				continue
			}
			page = q.show(page, e)
		}
		page, err = q.showAside(page, aside)
		return page, next, err
	}
	if !q.spilled { // else what is only on disk is behind all that is in memory
		return nil, to + 1, nil
	}
	from = max(from, q.readFrom)
	q.mu.Unlock()
	batch, err := q.log.Look(from, to)
	q.mu.Lock()
	for _, e := range batch.Entries {
		e.queue, e.Message.Redelivered = q, e.Seq <= q.doubtful
		page = q.show(page, e)
	}
	return page, batch.Next, err
}

// showAside fills in the messages of a page that are on disk only, by their numbers and
// places. The lock is not held meanwhile.
func (q *Queue) showAside(page []broker.Browsed, aside map[uint64]int) ([]broker.Browsed, error) {
	if len(aside) == 0 {
		return page, nil
	}
	numbers := slices.Sorted(maps.Keys(aside))
	q.mu.Unlock()
	var read []*Entry
	var err error
	for from, to := numbers[0], numbers[len(numbers)-1]; from <= to && err == nil; {
		var batch Batch
		batch, err = q.log.Look(from, to)
		read, from = append(read, batch.Entries...), batch.Next
	}
	q.mu.Lock()
	for _, e := range read {
		if at, ok := aside[e.Seq]; ok {
			m := q.own(eip.New(e.Message.Body(), nil), e.Message)
			m.Redelivered = !page[at].Taken || e.Seq <= q.doubtful
			page[at].Message = m
		}
	}
	return slices.DeleteFunc(page, func(m broker.Browsed) bool { return m.Message == nil }), err // it has settled meanwhile
}

// inMemory returns entries between two numbers, in order: more than make a page where there
// are.
func (q *Queue) inMemory(from, to uint64) (found []*Entry) {
	add := func(e *Entry) {
		if from <= e.Seq && e.Seq <= to {
			found = append(found, e)
		}
	}
	for _, e := range q.back {
		add(e)
	}
	for _, s := range q.sources {
		for e := s.first; e != nil; e = e.next {
			add(e)
		}
	}
	for i := sort.Search(q.ready.n, func(i int) bool { return q.ready.at(i).Seq >= from }); i < q.ready.n && len(found) <= pageLength+len(q.back)+q.taken; i++ {
		add(q.ready.at(i))
	}
	slices.SortFunc(found, func(a, b *Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return found
}

// show adds a copy of an entry's message that settles nothing.
func (q *Queue) show(page []broker.Browsed, e *Entry) []broker.Browsed {
	if e.state == ready && e.expired() {
		return page
	}
	m := q.own(eip.New(e.Message.Body(), nil), e.Message)
	m.Redelivered = e.Message.Redelivered
	return append(page, broker.Browsed{Message: m, Taken: e.state == taken})
}
