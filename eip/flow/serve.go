package flow

import (
	"context"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/manage/control"
)

// Control returns the process' side of the control bus.
func (p *Process) Control() *control.Server { return p.control }

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
func (p *Process) newControl(begun <-chan struct{}) *control.Server {
	block := p.controlBlock()
	return control.NewServer(control.Options{
		Process: p, Instance: p.options.Instance, Version: p.options.Version, Log: p.log, Level: p.options.Level,
		DataDir: p.options.DataDir, Secret: block.Secret, AllowTopic: block.Allow, AllowSocket: block.AllowSocket, Redact: block.Redact,
		ReplyTo: block.ReplyTo, Timeout: block.Timeout, MaxLease: block.MaxLease, Remember: block.Remember, Begun: begun,
		Hide: p.config.Redact, Compile: expression.Glance,
	})
}

func (p *Process) controlBlock() *controlBusBlock {
	if p.config.control != nil {
		return p.config.control
	}
	return newControlBus()
}

// serve begins to serve the control bus' topic. Whatever keeps it from reading that
// keeps no flow from running. The topic is open, or will not be soon, when opened is
// closed.
func (p *Process) serve(ctx context.Context) (opened <-chan struct{}) {
	nothing := make(chan struct{})
	close(nothing)
	block := p.controlBlock()
	on, topic := p.controlTopic(block)
	if on == nil {
		return nothing
	}
	patience := waitForBroker
	if p.openBroker(on) != nil {
		patience = waitForTopic
	}
	b, err := p.broker(ctx, on)
	if err != nil {
		p.log.Warn("control bus: its broker cannot be opened", slog.String("topic", topic.Address), slog.Any("error", err))
		return nothing
	}
	p.control.Publish(b, block.StatisticsEvery)
	opened = p.control.ServeTopic(b, topic)
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
func (p *Process) controlTopic(block *controlBusBlock) (*Broker, broker.Channel) {
	topic := broker.Channel{Kind: broker.Topic, Address: control.Address, Durable: true, Declare: true}
	main := p.config.Brokers[""]
	switch {
	case !block.Enabled:
		return nil, topic
	case block.Topic.At != nil:
		ch := p.config.Channels[block.Topic.At.String()]
		return p.config.brokerOf(ch), p.config.spec(ch)
	case p.config.control != nil, !inside(main.URL) && (p.openBroker(main) != nil || p.options.FlowsDir != ""):
		return main, topic
	}
	return nil, topic
}
