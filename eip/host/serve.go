package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/manage/control"
)

// Control returns the process' side of the control bus. It is there from when
// Options.Answering is called.
func (h *Host) Control() *control.Server { return h.control }

// How long the flows wait at their beginning for the control bus' topic, so that no
// command is lost that comes with the first message. Flows that use its broker
// themselves have found it there, and wait for an answer only; another's may be
// away.
const (
	waitForTopic  = 2 * time.Second
	waitForBroker = 250 * time.Millisecond
)

// newControl makes the process' side of the control bus, which waits until begun is
// closed with what is more than to look.
func (h *Host) newControl(begun <-chan struct{}) *control.Server {
	block, _ := h.mainConfig().ControlBus()
	o := h.options
	return control.NewServer(control.Options{
		Process: h, Instance: o.Instance, Labels: o.Labels, Version: o.Version, Log: h.log, Level: o.Level,
		DataDir: o.DataDir, Secret: block.Secret, AllowTopic: block.Allow, AllowSocket: block.AllowSocket, Redact: block.Redact,
		ReplyTo: block.ReplyTo, Timeout: block.Timeout, MaxLease: block.MaxLease, Remember: block.Remember, StatisticsEvery: block.StatisticsEvery, Begun: begun,
		Hide: h.secrets.Hide, Compile: expression.Glance, Clock: o.Clock, NoRates: o.NoRates,
	})
}

// serve begins to serve the control bus' topic. Whatever keeps it from reading that
// keeps no flow from running. The topic is open, or will not be soon, when opened is
// closed.
func (h *Host) serve(ctx context.Context) (opened <-chan struct{}) {
	nothing := make(chan struct{})
	close(nothing)
	on, topic := h.controlTopic()
	if on == nil {
		return nothing
	}
	main, patience := h.main.Load(), waitForBroker
	if main.openBroker(on) != nil {
		patience = waitForTopic
	}
	b, err := main.broker(ctx, h, on)
	if err != nil {
		h.log.Warn("control bus: its broker cannot be opened", slog.String("topic", topic.Address), slog.Any("error", err))
		return nothing
	}
	h.control.Publish(b)
	opened = h.control.ServeTopic(b, topic)
	await(ctx, opened, patience)
	return opened
}

// await waits for done, but no longer than patience.
func await(ctx context.Context, done <-chan struct{}, patience time.Duration) {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-done:
	case <-soon.Done():
	}
}

// controlTopic is where commands come from. A broker inside the process is nobody
// else's, so it is only read where the flow file says so.
func (h *Host) controlTopic() (*flow.Broker, broker.Channel) {
	topic := broker.Channel{Kind: broker.Topic, Address: control.Address, Durable: true, Declare: true}
	c, on := h.mainConfig(), h.mainBroker()
	block, declared := c.ControlBus()
	switch ch := c.ControlTopic(); {
	case !block.Enabled:
		return nil, topic
	case ch != nil:
		return c.BrokerOf(ch), c.Spec(ch)
	case declared, !on.Inside() && (h.main.Load().openBroker(on) != nil || h.options.FlowsDir != ""):
		return on, topic
	}
	return nil, topic
}
