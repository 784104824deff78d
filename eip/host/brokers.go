package host

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
)

// brokers are those that are open.
type brokers struct {
	opening sync.Mutex // held while one is opened
	mu      sync.Mutex
	open    []*openBroker
}

// openBroker is open while something uses it.
type openBroker struct {
	declared *flow.Broker
	broker.Broker
	users map[any]bool // flows, and the Host itself
}

// find returns a broker that is open; nil where it is not. Who reads it must hold mu.
func (b *brokers) find(declared *flow.Broker) *openBroker {
	for _, o := range b.open {
		if o.declared == declared || equal(o.declared.BrokerBlock, declared.BrokerBlock) {
			return o
		}
	}
	return nil
}

// equal reports whether two blocks say the same, but for whose default one it is.
func equal(a, b flow.BrokerBlock) bool {
	a.Default, b.Default = false, false
	return reflect.DeepEqual(a, b)
}

// shared returns the broker that is meant by one of a further Unit: at the URL of the
// Host's default broker, that.
func (u *Unit) shared(b *flow.Broker) *flow.Broker {
	if main := u.host.mainBroker(); u != u.host.main.Load() && b.URL == main.URL {
		return main
	}
	return b
}

// mainConfig is what the first Unit was started with.
func (h *Host) mainConfig() *flow.Config { return h.main.Load().first }

// mainBroker is its default broker.
func (h *Host) mainBroker() *flow.Broker { return h.mainConfig().Brokers[""] }

// broker opens a broker once, for who uses it: a flow, or the Host itself; nil for
// someone who takes what is there.
func (u *Unit) broker(ctx context.Context, user any, declared *flow.Broker) (broker.Broker, error) {
	h := u.host
	declared = u.shared(declared)
	h.brokers.opening.Lock()
	defer h.brokers.opening.Unlock()
	if open := h.brokers.use(declared, user); open != nil {
		return open, nil
	}
	url, transport, err := broker.Lookup(declared.URL)
	if err != nil {
		return nil, err
	}
	c, err := brokerConfig(declared, url)
	if err != nil {
		return nil, err
	}
	c.DataDir, c.Instance, c.Clock = h.options.DataDir, h.options.Instance, h.options.Clock
	c.Log = h.log.With(slog.String("broker", cmp.Or(declared.Name, "default")))
	opener := transport.Open
	if instead := h.options.OpenBroker; instead != nil {
		opener = func(ctx context.Context, c broker.Config) (broker.Broker, error) { return instead(ctx, declared, c) }
	}
	open, err := opener(ctx, c)
	if err != nil {
		return nil, err
	}
	h.brokers.mu.Lock()
	defer h.brokers.mu.Unlock()
	h.brokers.open = append(h.brokers.open, &openBroker{declared, open, map[any]bool{cmp.Or(user, any(h)): true}})
	return open, nil
}

// use returns a broker that is open, and notes who uses it.
func (b *brokers) use(declared *flow.Broker, user any) broker.Broker {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.find(declared)
	if o == nil {
		return nil
	}
	if user != nil {
		o.users[user] = true
	}
	return o.Broker
}

// hold keeps brokers open that flows use which are about to go: those that are declared
// among what comes, and whatever would lose its messages. Another one of the same URL
// may not open beside it.
func (b *brokers) hold(by any, gone []*flowRun, coming []*flow.Broker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.open {
		same := func(d *flow.Broker) bool { return equal(d.BrokerBlock, o.declared.BrokerBlock) }
		other := func(d *flow.Broker) bool { return d.URL == o.declared.URL }
		used := slices.ContainsFunc(gone, func(r *flowRun) bool { return o.users[r] })
		if used && (!o.Capabilities().Durable || slices.ContainsFunc(coming, same) || !slices.ContainsFunc(coming, other)) {
			o.users[by] = true
		}
	}
}

// openBroker returns a broker if it is open already, else nil.
func (u *Unit) openBroker(declared *flow.Broker) broker.Broker {
	return u.host.brokers.use(u.shared(declared), nil)
}

// all returns the brokers that are open.
func (b *brokers) all() []*openBroker {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.open)
}

// release closes the brokers that only this one has used.
func (b *brokers) release(user any) error {
	b.mu.Lock()
	var unused []*openBroker
	b.open = slices.DeleteFunc(b.open, func(o *openBroker) bool {
		last := o.users[user] && len(o.users) == 1
		delete(o.users, user)
		if last {
			unused = append(unused, o)
		}
		return last
	})
	b.mu.Unlock()
	return closeAll(unused)
}

// close closes all.
func (b *brokers) close() error {
	b.mu.Lock()
	open := b.open
	b.open = nil
	b.mu.Unlock()
	return closeAll(open)
}

func closeAll(brokers []*openBroker) (err error) {
	for _, b := range brokers {
		err = errors.Join(err, b.Close())
	}
	return err
}
