package flow

import (
	"errors"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/store"
)

// checkSingle finds the flows that one process runs at a time.
func (d *decoder) checkSingle() {
	for _, f := range d.config.Flows {
		on := d.config.SourceBroker(f)
		given := d.given(f, "single") != nil
		if given && !f.Single || !given && (f.Service != nil || on.Inside() || d.remembersAlone(f) == "") {
			continue
		}
		err := d.pickable(f)
		switch {
		case err == nil && !on.Inside() && (given || canPick(on)):
			f.single = "eip.single." + f.Name
		case err != nil && given:
			d.blame(f.block, place{what: fmt.Sprintf("flow %q", f.Name)}, &eip.OptionError{Option: "single", Err: err})
		}
	}
}

// pickable says why one broker cannot pick the process that runs a flow.
func (d *decoder) pickable(f *Flow) error {
	if !f.Shared {
		return errors.New("with shared = false each process gets every message. Leave one of both out")
	}
	var first *Broker
	for _, from := range f.From {
		ch := d.config.Channels[from.String()]
		if ch == nil {
			return fmt.Errorf("each process reads %s for itself, and only a broker can have one of them read", from)
		}
		on := d.config.BrokerOf(ch)
		if first != nil && on != first {
			return errors.New("it reads two brokers, and each could pick another process")
		}
		first = on
	}
	return nil
}

// canPick reports whether a broker can have one of several processes read; if not, it says
// so when it is asked to.
func canPick(b *Broker) bool {
	_, t, err := broker.Lookup(b.URL)
	return err == nil && t.Capabilities.Single
}

// remembersAlone returns the first stage of a flow that remembers in a store that other
// processes, which may read the same, do not have; "" where there is none.
func (d *decoder) remembersAlone(f *Flow) string {
	if d.config.SourceBroker(f).Inside() {
		return ""
	}
	for n, s := range eip.Walk(f.Stages()) {
		r, ok := s.(store.Rememberer)
		_, hears := s.(replies.Listening) // what the others remember, too
		if !ok || n == nil || hears {
			continue
		}
		if in := d.config.StoreOf(r.Place()); in != nil && isInside(in.URL) {
			return n.Address
		}
	}
	return ""
}
