package otlp

import (
	"context"
	"math"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Metrics exports metrics. Counts are always cumulative.
type Metrics struct{ *Client }

// Temporality is cumulative.
func (Metrics) Temporality(metric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Aggregation is the SDK's default.
func (Metrics) Aggregation(k metric.InstrumentKind) metric.Aggregation {
	return metric.DefaultAggregationSelector(k)
}

// ForceFlush has nothing to do: Export waits for the answer.
func (Metrics) ForceFlush(ctx context.Context) error { return ctx.Err() }

// Export sends metrics.
func (x Metrics) Export(ctx context.Context, all *metricdata.ResourceMetrics) error {
	if len(all.ScopeMetrics) == 0 {
		return nil
	}
	return x.send(ctx, encodeMetrics(all))
}

// encodeMetrics makes an ExportMetricsServiceRequest.
func encodeMetrics(all *metricdata.ResourceMetrics) (request message) {
	var of message
	of.bytes(1, resourceOf(all.Resource))
	for _, s := range all.ScopeMetrics {
		var in message
		in.bytes(1, scopeOf(s.Scope))
		for _, m := range s.Metrics {
			in.bytes(2, metricOf(m))
		}
		in.text(3, s.Scope.SchemaURL)
		of.bytes(2, in)
	}
	of.text(3, all.Resource.SchemaURL())
	request.bytes(1, of)
	return request
}

func metricOf(from metricdata.Metrics) (m message) {
	m.text(1, from.Name)
	m.text(2, from.Description)
	m.text(3, from.Unit)
	switch d := from.Data.(type) {
	case metricdata.Gauge[int64]:
		m.bytes(5, points(d.DataPoints))
	case metricdata.Gauge[float64]:
		m.bytes(5, points(d.DataPoints))
	case metricdata.Sum[int64]:
		m.bytes(7, sumOf(d))
	case metricdata.Sum[float64]:
		m.bytes(7, sumOf(d))
	case metricdata.Histogram[int64]:
		m.bytes(9, histogramOf(d))
	case metricdata.Histogram[float64]:
		m.bytes(9, histogramOf(d))
	case metricdata.Summary:
		m.bytes(11, summaryOf(d))
	}
	return m
}

func points[N int64 | float64](all []metricdata.DataPoint[N]) (m message) {
	for _, p := range all {
		var point message
		point.fixed64(2, nanos(p.StartTime))
		point.fixed64(3, nanos(p.Time))
		switch v := any(p.Value).(type) {
		case int64:
			point.always64(6, uint64(v))
		case float64:
			point.double(4, v)
		}
		point.set(7, p.Attributes)
		m.bytes(1, point)
	}
	return m
}

func sumOf[N int64 | float64](d metricdata.Sum[N]) message {
	m := points(d.DataPoints)
	m.varint(2, temporality(d.Temporality))
	m.varint(3, bit(d.IsMonotonic))
	return m
}

// temporality translates to the numbers on the wire.
func temporality(t metricdata.Temporality) uint64 {
	switch t {
	case metricdata.DeltaTemporality:
		return 1
	case metricdata.CumulativeTemporality:
		return 2
	}
	return 0
}

func histogramOf[N int64 | float64](d metricdata.Histogram[N]) (m message) {
	for _, p := range d.DataPoints {
		var point message
		point.fixed64(2, nanos(p.StartTime))
		point.fixed64(3, nanos(p.Time))
		point.fixed64(4, p.Count)
		point.double(5, float64(p.Sum))
		packed(&point, 6, p.BucketCounts, func(n uint64) uint64 { return n })
		packed(&point, 7, p.Bounds, math.Float64bits)
		point.set(9, p.Attributes)
		if v, ok := p.Min.Value(); ok {
			point.double(11, float64(v))
		}
		if v, ok := p.Max.Value(); ok {
			point.double(12, float64(v))
		}
		m.bytes(1, point)
	}
	m.varint(2, temporality(d.Temporality))
	return m
}

func summaryOf(d metricdata.Summary) (m message) {
	for _, p := range d.DataPoints {
		var point message
		point.fixed64(2, nanos(p.StartTime))
		point.fixed64(3, nanos(p.Time))
		point.fixed64(4, p.Count)
		point.fixed64(5, math.Float64bits(p.Sum))
		for _, q := range p.QuantileValues {
			var quantile message
			quantile.fixed64(1, math.Float64bits(q.Quantile))
			quantile.fixed64(2, math.Float64bits(q.Value))
			point.bytes(6, quantile)
		}
		point.set(7, p.Attributes)
		m.bytes(1, point)
	}
	return m
}
