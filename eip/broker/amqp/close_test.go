package amqp_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// While the broker is away, closing does not wait for it, and says what it leaves.
func TestConnect_CloseWhileAway(t *testing.T) {
	n := rabbit.Shared(t)
	network := netfault.Start(t, n.Address())
	b := open(t, config(t, "amqp://guest:guest@"+network.Address()+"/?heartbeat=1"))
	s, err := b.Sender(t.Context(), queue(t, "q"))
	if err != nil {
		t.Fatal(err)
	}
	traffic := &stats.Traffic{}
	s.(stats.Confirmer).ConfirmTo(traffic)
	settled := make(chan error, 3)
	send := func() {
		m := eip.New([]byte("x"), func(err error) { settled <- err })
		traffic.Handed(m.IsTest())
		eip.Deliver(t.Context(), s, m)
	}
	counted := func(want stats.TrafficCounts) {
		t.Helper()
		if got, _ := traffic.Counts(); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	}
	send()
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	counted(stats.TrafficCounts{Sent: 1})
	network.Hole()
	for range 3 {
		send()
	}
	counted(stats.TrafficCounts{Sent: 1, InFlight: 3})
	until(t, "the hole is noticed", func() bool { return !b.Status().Connected })
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "3 messages were not confirmed") {
		t.Errorf("closing says %v", err)
	}
	for range 3 {
		if err := <-settled; !errors.Is(err, eip.ErrClosed) {
			t.Errorf("a message settled with %v", err)
		}
	}
	counted(stats.TrafficCounts{Sent: 1, Failed: 3})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// A broker that takes long to close a channel is no loss to warn of: nothing needs the
// connection that is given up for it.
func TestClose_Slow(t *testing.T) {
	n := rabbit.Shared(t)
	network := netfault.Start(t, n.Address())
	var text logText
	c := config(t, "amqp://guest:guest@"+network.Address()+"/?heartbeat=10")
	c.Log = slog.New(slog.NewTextHandler(&text, nil))
	b := open(t, c)
	src, err := b.Source(t.Context(), queue(t, "q"), broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	network.Hole()
	if err := errors.Join(src.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	if said := text.String(); strings.Contains(said, "level=WARN") || !strings.Contains(said, "not closed in time") {
		t.Error(said)
	}
}
