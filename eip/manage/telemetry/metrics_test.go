package telemetry_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/telemetry"
	"github.com/eipd/eipd/eip/stats"
)

// process is a Process of one flow.
type process struct {
	control.Flow // what is not used here
	flow         *eip.Flow
	state        control.State
	brokers      []control.Broker
	traffic      []control.Traffic
}

func (p *process) Flows() []control.Flow                  { return []control.Flow{p} }
func (p *process) Brokers() []control.Broker              { return p.brokers }
func (p *process) Traffic() []control.Traffic             { return p.traffic }
func (p *process) Name() string                           { return p.flow.Name }
func (p *process) Kind() string                           { return "flow" }
func (p *process) Hindrance() (control.State, string)     { return "", "" }
func (p *process) Plugins() []control.Plugin              { return nil }
func (p *process) State() control.State                   { return p.state }
func (p *process) Counts() (business, tests stats.Counts) { return p.flow.Counts() }
func (p *process) Latency() *stats.Histogram              { return p.flow.Latency() }
func (p *process) Stages() (all []control.Stage) {
	for n := range eip.Walk(p.flow.Stages) {
		all = append(all, control.Stage{Named: n})
	}
	return all
}

var roundTrips = func() *stats.Histogram {
	h := &stats.Histogram{}
	for i := range 100 {
		h.Record(time.Duration(i) * time.Second)
	}
	return h
}()

// counting is a stage that counts everything that a stage may count.
type counting struct{ pass }

func (counting) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"copied": 3, "outstanding": 2}, Gauges: []string{"outstanding"},
		Branches: map[string]int64{"gift": 1, "otherwise": 4}, Times: map[string]*stats.Histogram{"round_trip": roundTrips, "count": {}}} // the name of another metric
}

// values are all data points, one a line.
func values(t *testing.T, p telemetry.Process) []string {
	t.Helper()
	reader := metric.NewManualReader(metric.WithProducer(telemetry.NewProducer(func() telemetry.Process { return p })))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	defer provider.Shutdown(context.Background())
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	add := func(m metricdata.Metrics, at attribute.Set, v any) {
		var by []string
		for _, a := range at.ToSlice() {
			by = append(by, string(a.Key)+"="+a.Value.String())
		}
		lines = append(lines, strings.Trim(fmt.Sprintf("%s %s %v", m.Name, strings.Join(by, ","), v), " "))
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(m, p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					add(m, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					if total := sum(p.BucketCounts); total != p.Count || len(p.BucketCounts) != len(p.Bounds)+1 || !slices.IsSorted(p.Bounds) || (p.Sum > 0) != (p.Count > 0) {
						t.Errorf("histogram %v", p)
					}
					add(m, p.Attributes, p.Count)
				}
			case metricdata.Summary:
				for _, p := range d.DataPoints {
					add(m, p.Attributes, fmt.Sprint(p.Count, p.Sum, p.QuantileValues))
				}
			}
		}
	}
	slices.SortFunc(lines, cmp.Compare)
	return lines
}

func sum(all []uint64) (total uint64) {
	for _, n := range all {
		total += n
	}
	return total
}

func TestProducer(t *testing.T) {
	drops := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if string(m.Body()) == "drop" {
			m.Drop()
			return nil
		}
		return next.Handle(ctx, m)
	})
	f := &eip.Flow{Name: "f", To: eip.Discard, Stages: []eip.Stage{stage("f.filter", drops), stage("f.own", counting{})},
		Source: eiptest.NewSource(eiptest.Message("a"), eiptest.Message("drop"), eiptest.Message("c"), eiptest.Message("t").WithHeader(header.Test, "1"))}
	run(t, f)
	p := &process{flow: f, state: control.Running, brokers: []control.Broker{{Name: "default", Connected: true}, {Name: "far"}}}
	q := &stats.Traffic{}
	for _, m := range []*eip.Message{eiptest.Message("a"), eiptest.Message("b"), eiptest.Message("t").WithHeader(header.Test, "1")} {
		q.Received(m.Headers[header.Test] != nil)
	}
	for _, err := range []error{nil, nil, errors.New("refused")} {
		q.Handed(false)
		q.Settled(false, err)
	}
	q.Handed(false)
	p.traffic = []control.Traffic{{Name: "queue.q", Traffic: q}}
	got, d := values(t, p), roundTrips.Durations()
	for _, want := range []string{
		"eip.broker.connected eip.broker=default 1", "eip.broker.connected eip.broker=far 0", "eip.flow.running eip.flow=f 1",
		"eip.flow.received eip.flow=f 3", "eip.flow.received eip.flow=f,eip.test=true 1", "eip.flow.settled eip.flow=f,eip.outcome=dropped 1",
		"eip.flow.in_flight eip.flow=f 0", "eip.stage.received eip.flow=f,eip.stage=f.filter 3",
		"eip.stage.settled eip.flow=f,eip.outcome=dropped,eip.stage=f.filter 1", "eip.stage.settled eip.flow=f,eip.outcome=sent,eip.stage=f.filter 2",
		"eip.stage.received eip.flow=f,eip.stage=f.own 2", "eip.stage.received eip.flow=f,eip.stage=f.own,eip.test=true 1",
		"eip.stage.count eip.counter=copied,eip.flow=f,eip.stage=f.own 3", "eip.stage.level eip.counter=outstanding,eip.flow=f,eip.stage=f.own 2",
		"eip.branch.messages eip.branch=gift,eip.flow=f,eip.stage=f.own 1", "eip.branch.messages eip.branch=otherwise,eip.flow=f,eip.stage=f.own 4",
		"eip.channel.received eip.channel=queue.q 2", "eip.channel.received eip.channel=queue.q,eip.test=true 1", "eip.channel.sent eip.channel=queue.q 2",
		"eip.channel.failed eip.channel=queue.q 1", "eip.channel.in_flight eip.channel=queue.q 1",
		fmt.Sprintf("eip.stage.round_trip eip.flow=f,eip.stage=f.own 100 4950 [{0.5 %v} {0.9 %v} {0.99 %v}]", d.P50.Seconds(), d.P90.Seconds(), d.P99.Seconds()),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("there is no %q", want)
		}
	}
	for _, prefix := range []string{"eip.flow.duration eip.flow=f ", "eip.stage.duration eip.flow=f,eip.stage=f.own "} {
		if !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, prefix) && !strings.HasSuffix(l, " 0") }) {
			t.Errorf("nothing was measured: %s", prefix)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
	if left := values(t, nil); len(left) != 0 {
		t.Errorf("without a process: %v", left)
	}
}
