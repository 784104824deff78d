package eip_test

import (
	"context"
	"errors"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func TestTraffic(t *testing.T) {
	var c stats.Traffic
	expect := func(business, tests stats.TrafficCounts) {
		t.Helper()
		if b, tt := c.Counts(); b != business || tt != tests {
			t.Errorf("%+v, tests %+v; want %+v, tests %+v", b, tt, business, tests)
		}
	}
	c.Received(false)
	c.Received(false)
	c.Unread(false)
	c.Received(true)
	expect(stats.TrafficCounts{Received: 1}, stats.TrafficCounts{Received: 1})

	var settled []error
	hand := func() (release func(error)) {
		m := eip.New(nil, func(err error) { settled = append(settled, err) })
		eip.Deliver(t.Context(), eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			c.Handed(m.IsTest())
			release = m.HoldFor(&c)
			return nil
		}), m)
		return release
	}
	one, other := hand(), hand()
	expect(stats.TrafficCounts{Received: 1, InFlight: 2}, stats.TrafficCounts{Received: 1})
	refused := errors.New("refused")
	one(nil)
	one(refused) // only the first counts
	other(refused)
	expect(stats.TrafficCounts{Received: 1, Sent: 1, Failed: 1}, stats.TrafficCounts{Received: 1})
	if len(settled) != 2 || settled[0] != nil || !errors.Is(settled[1], refused) {
		t.Errorf("settled with %v", settled)
	}
}

// Without a Traffic nothing is counted, and messages are held all the same.
func TestTraffic_None(t *testing.T) {
	var c *stats.Traffic
	settled := 0
	var release func(error)
	m := eip.New(nil, func(error) { settled++ })
	c.Received(false)
	c.Handed(false)
	c.Settled(false, nil)
	eip.Deliver(t.Context(), eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		release = m.HoldFor(c)
		return nil
	}), m)
	if settled != 0 {
		t.Error("it is settled though it is held")
	}
	if release(nil); settled != 1 {
		t.Errorf("settled %d times", settled)
	}
}
