package telemetry

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

// A Process is what metrics and health are about. A host.Host is one.
type Process interface {
	Flows() []control.Flow
	Traffic() []control.Traffic
	Brokers() []control.Broker
}

// NewProducer returns what reads the metrics of a process when a reader of the SDK
// asks: nothing is counted twice. process returns nil while there is none.
func NewProducer(process func() Process) metric.Producer {
	return &producer{process: process, start: time.Now()}
}

type producer struct {
	process func() Process
	start   time.Time
}

// Produce reads all counts.
func (p *producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	r := &reading{start: p.start, now: time.Now(), index: map[string]int{}}
	r.gauge("eip.process.uptime", "s", "How long the process has run.", r.now.Sub(p.start).Seconds(), attribute.EmptySet())
	if process := p.process(); process != nil {
		for _, b := range process.Brokers() {
			r.flag("eip.broker.connected", "Whether the broker is connected.", b.Connected, attribute.NewSet(keyBroker.String(b.Name)))
		}
		for _, f := range process.Flows() {
			r.flow(f)
		}
		for _, t := range process.Traffic() {
			if t.Implicit && !t.Any() {
				continue
			}
			business, tests := t.Counts()
			r.traffic(business, keyChannel.String(t.Name))
			if tests != (stats.TrafficCounts{}) {
				r.traffic(tests, keyChannel.String(t.Name), keyTest.Bool(true))
			}
		}
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scope}, Metrics: r.metrics}}, nil
}

const (
	keyBroker  = attribute.Key("eip.broker")
	keyBranch  = attribute.Key("eip.branch")
	keyChannel = attribute.Key("eip.channel")
	keyCounter = attribute.Key("eip.counter")
)

func (r *reading) flow(f control.Flow) {
	name := keyFlow.String(f.Name())
	r.flag("eip.flow.running", "Whether the flow takes messages.", f.State() == control.Running, attribute.NewSet(name))
	r.measurable("eip.flow", "flow", f, name)
	for _, s := range f.Stages() {
		at := keyStage.String(s.Address)
		r.measurable("eip.stage", "stage", s.Named, name, at)
		r.own(s.Stage, name, at)
	}
}

// measurable is a flow or a stage.
type measurable interface {
	Counts() (business, tests stats.Counts)
	Latency() *stats.Histogram
}

func (r *reading) measurable(prefix, what string, m measurable, at ...attribute.KeyValue) {
	business, tests := m.Counts()
	r.counts(prefix, what, business, at...)
	if tests.Received > 0 {
		r.counts(prefix, what, tests, append(at[:len(at):len(at)], keyTest.Bool(true))...)
	}
	r.histogram(prefix+".duration", "How long messages took in the "+what+", of those that were measured.", m.Latency(), attribute.NewSet(at...))
}

func (r *reading) counts(prefix, what string, c stats.Counts, at ...attribute.KeyValue) {
	set := attribute.NewSet(at...)
	r.counter(prefix+".received", "{message}", "Messages that the "+what+" received.", c.Received, set)
	for _, o := range []struct {
		how stats.Outcome
		n   int64
	}{{stats.Sent, c.Sent}, {stats.Dropped, c.Dropped}, {stats.Absorbed, c.Absorbed}, {stats.DeadLettered, c.DeadLettered}, {stats.Invalid, c.Invalid}, {stats.Returned, c.Returned},
		{stats.Answered, c.Answered}, {stats.Unanswered, c.Unanswered}} {
		r.counter(prefix+".settled", "{message}", "What became of messages in the "+what+".", o.n,
			attribute.NewSet(append(at[:len(at):len(at)], keyOutcome.String(string(o.how)))...))
	}
	r.counter(prefix+".made", "{message}", "Messages that stages of the "+what+" made by themselves.", c.Made, set)
	r.counter(prefix+".retries", "{attempt}", "Attempts that failed in the "+what+", and were followed by another.", c.Retried, set)
	r.counter(prefix+".copies", "{message}", "Copies that the "+what+" sent to channels and adapters.", c.Copies, set)
	r.upDown(prefix+".in_flight", "{message}", "Messages that the "+what+" received, and that are not settled.", c.InFlight, set)
}

// traffic is what flows take from a channel or an adapter, and send to it.
func (r *reading) traffic(c stats.TrafficCounts, at ...attribute.KeyValue) {
	set := attribute.NewSet(at...)
	r.counter("eip.channel.received", "{message}", "Messages that were taken from there.", c.Received, set)
	r.counter("eip.channel.sent", "{message}", "Messages that were handed over and confirmed.", c.Sent, set)
	r.counter("eip.channel.failed", "{message}", "Messages that were handed over and refused.", c.Failed, set)
	r.upDown("eip.channel.in_flight", "{message}", "Messages that were handed over, and neither confirmed nor refused.", c.InFlight, set)
}

// own reads what a stage counts and measures itself.
func (r *reading) own(stage eip.Stage, at ...attribute.KeyValue) {
	with := func(k attribute.KeyValue) attribute.Set { return attribute.NewSet(append(at[:len(at):len(at)], k)...) }
	c, ok := stage.(eip.Counted)
	if !ok {
		return
	}
	own := c.Stats()
	for name, n := range sorted(own.Counts) {
		if slices.Contains(own.Gauges, name) {
			r.upDown("eip.stage.level", "{message}", "What the stage counts by itself, and goes up and down.", n, with(keyCounter.String(name)))
		} else {
			r.counter("eip.stage.count", "{message}", "What the stage counts by itself.", n, with(keyCounter.String(name)))
		}
	}
	for name, n := range sorted(own.Branches) {
		r.counter("eip.branch.messages", "{message}", "Messages that went this way.", n, with(keyBranch.String(name)))
	}
	for name, d := range sorted(own.Times) {
		r.summary("eip.stage."+name, "What the stage measures by itself.", d.Durations(), attribute.NewSet(at...))
	}
}
