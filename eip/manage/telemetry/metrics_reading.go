package telemetry

import (
	"iter"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/eipd/eipd/eip/stats"
)

// reading gathers data points, those of one metric together.
type reading struct {
	start, now time.Time
	metrics    []metricdata.Metrics
	index      map[string]int
}

// add adds a point to a metric, which is made first where it is new.
func add[D metricdata.Aggregation](r *reading, name, unit, about string, edit func(*D)) {
	i, ok := r.index[name]
	if !ok {
		i = len(r.metrics)
		var none D
		r.metrics = append(r.metrics, metricdata.Metrics{Name: name, Unit: unit, Description: about, Data: none})
		r.index[name] = i
	}
	d, ok := r.metrics[i].Data.(D)
	if !ok {
		return // a component uses a name that is taken
	}
	edit(&d)
	r.metrics[i].Data = d
}

func (r *reading) number(name, unit, about string, monotonic bool, n int64, at attribute.Set) {
	add(r, name, unit, about, func(d *metricdata.Sum[int64]) {
		d.Temporality, d.IsMonotonic = metricdata.CumulativeTemporality, monotonic
		d.DataPoints = append(d.DataPoints, metricdata.DataPoint[int64]{Attributes: at, StartTime: r.start, Time: r.now, Value: n})
	})
}

func (r *reading) counter(name, unit, about string, n int64, at attribute.Set) {
	r.number(name, unit, about, true, n, at)
}

func (r *reading) upDown(name, unit, about string, n int64, at attribute.Set) {
	r.number(name, unit, about, false, n, at)
}

func (r *reading) gauge(name, unit, about string, v float64, at *attribute.Set) {
	add(r, name, unit, about, func(d *metricdata.Gauge[float64]) {
		d.DataPoints = append(d.DataPoints, metricdata.DataPoint[float64]{Attributes: *at, Time: r.now, Value: v})
	})
}

// flag is 1 for true.
func (r *reading) flag(name, about string, v bool, at attribute.Set) {
	n := int64(0)
	if v {
		n = 1
	}
	add(r, name, "1", about, func(d *metricdata.Gauge[int64]) {
		d.DataPoints = append(d.DataPoints, metricdata.DataPoint[int64]{Attributes: at, Time: r.now, Value: n})
	})
}

// bounds are those of all histograms.
var bounds = []time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
}

var boundsInSeconds = func() []float64 {
	all := make([]float64, len(bounds))
	for i, b := range bounds {
		all[i] = b.Seconds()
	}
	return all
}()

func (r *reading) histogram(name, about string, h *stats.Histogram, at attribute.Set) {
	counts, sum := h.Buckets(bounds)
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	add(r, name, "s", about, func(d *metricdata.Histogram[float64]) {
		d.Temporality = metricdata.CumulativeTemporality
		d.DataPoints = append(d.DataPoints, metricdata.HistogramDataPoint[float64]{Attributes: at, StartTime: r.start, Time: r.now,
			Count: total, Sum: sum.Seconds(), Bounds: boundsInSeconds, BucketCounts: counts})
	})
}

func (r *reading) summary(name, about string, v stats.Durations, at attribute.Set) {
	quantiles := []metricdata.QuantileValue{{Quantile: 0.5, Value: v.P50.Seconds()}, {Quantile: 0.9, Value: v.P90.Seconds()}, {Quantile: 0.99, Value: v.P99.Seconds()}}
	add(r, name, "s", about, func(d *metricdata.Summary) {
		d.DataPoints = append(d.DataPoints, metricdata.SummaryDataPoint{Attributes: at, StartTime: r.start, Time: r.now,
			Count: uint64(v.Count), Sum: v.Mean.Seconds() * float64(v.Count), QuantileValues: quantiles})
	})
}

// sorted goes through a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
