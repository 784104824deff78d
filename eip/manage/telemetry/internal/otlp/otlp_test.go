package otlp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
)

// unmarshal reads with the generated messages what was encoded by hand. An unknown
// field would be a mistake.
func unmarshal(t *testing.T, encoded message, into proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(encoded, into); err != nil {
		t.Fatal(err)
	}
	again, err := proto.Marshal(into)
	if err != nil || len(again) != len(encoded) {
		t.Errorf("%d bytes are %d when they are encoded again (%v)", len(encoded), len(again), err)
	}
	if len(into.ProtoReflect().GetUnknown()) > 0 {
		t.Error("there are unknown fields")
	}
}

func TestEncodeSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	r := resource.NewWithAttributes("https://schema/r", attribute.String("service.name", "eipd"))
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder), sdktrace.WithResource(r),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{AttributeValueLengthLimit: -1, AttributeCountLimit: 8, EventCountLimit: 1, LinkCountLimit: 1, AttributePerEventCountLimit: 1, AttributePerLinkCountLimit: 1}))
	state, err := trace.ParseTraceState("a=b")
	if err != nil {
		t.Fatal(err)
	}
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true})
	begin := time.Unix(1700000000, 5)
	_, s := provider.Tracer("t", trace.WithInstrumentationVersion("v1"), trace.WithSchemaURL("https://schema/s"), trace.WithInstrumentationAttributes(attribute.Bool("own", false))).
		Start(trace.ContextWithSpanContext(context.Background(), remote), "send orders", trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(begin),
			trace.WithLinks(trace.Link{SpanContext: remote, Attributes: []attribute.KeyValue{attribute.Int("n", -1), attribute.Int("m", 0)}}, trace.Link{SpanContext: remote.WithSpanID(trace.SpanID{4})}),
			trace.WithAttributes(attribute.String("s", ""), attribute.Bool("b", false), attribute.Int("i", 0), attribute.Float64("f", math.Pi),
				attribute.StringSlice("ss", []string{"x", ""}), attribute.BoolSlice("bb", []bool{true}), attribute.Int64Slice("ii", []int64{-7}), attribute.Float64Slice("ff", []float64{0.5}), attribute.String("dropped", "d")))
	s.AddEvent("dropped")
	s.AddEvent("retry", trace.WithTimestamp(begin.Add(1)), trace.WithAttributes(attribute.String("e", "1"), attribute.String("d", "2")))
	s.SetStatus(codes.Error, "boom")
	s.End(trace.WithTimestamp(begin.Add(time.Second)))
	_, other := provider.Tracer("other").Start(context.Background(), "root")
	other.SetStatus(codes.Ok, "")
	other.End()

	var data tracepb.TracesData
	unmarshal(t, encodeSpans(recorder.Ended()), &data)
	if len(data.ResourceSpans) != 2 || data.ResourceSpans[0].SchemaUrl != "https://schema/r" || data.ResourceSpans[0].Resource.Attributes[0].Value.GetStringValue() != "eipd" {
		t.Fatalf("resources: %v", data.ResourceSpans)
	}
	scope := data.ResourceSpans[0].ScopeSpans[0]
	if scope.Scope.Name != "t" || scope.Scope.Version != "v1" || scope.SchemaUrl != "https://schema/s" || len(scope.Scope.Attributes) != 1 {
		t.Errorf("scope: %v", scope.Scope)
	}
	got := scope.Spans[0]
	if got.Name != "send orders" || got.Kind != tracepb.Span_SPAN_KIND_PRODUCER || got.TraceState != "a=b" || got.Flags != 0x301 ||
		!slices.Equal(got.TraceId, []byte{1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) || !slices.Equal(got.ParentSpanId, []byte{3, 0, 0, 0, 0, 0, 0, 0}) || len(got.SpanId) != 8 ||
		got.StartTimeUnixNano != uint64(begin.UnixNano()) || got.EndTimeUnixNano != uint64(begin.UnixNano())+1e9 {
		t.Errorf("span: %v", got)
	}
	var values []string
	for _, a := range got.Attributes {
		values = append(values, fmt.Sprintf("%s=%v", a.Key, a.Value.GetValue() != nil))
	}
	want := []string{"s=true", "b=true", "i=true", "f=true", "ss=true", "bb=true", "ii=true", "ff=true"}
	if !slices.Equal(values, want) || got.DroppedAttributesCount != 1 {
		t.Errorf("attributes %v, %d dropped", values, got.DroppedAttributesCount)
	}
	if v := got.Attributes; v[3].Value.GetDoubleValue() != math.Pi || v[4].Value.GetArrayValue().Values[0].GetStringValue() != "x" || len(v[4].Value.GetArrayValue().Values) != 2 ||
		!v[5].Value.GetArrayValue().Values[0].GetBoolValue() || v[6].Value.GetArrayValue().Values[0].GetIntValue() != -7 || v[7].Value.GetArrayValue().Values[0].GetDoubleValue() != 0.5 {
		t.Errorf("attributes %v", v)
	}
	if e := got.Events; len(e) != 1 || e[0].Name != "retry" || e[0].TimeUnixNano != got.StartTimeUnixNano+1 || e[0].DroppedAttributesCount != 1 || got.DroppedEventsCount != 1 {
		t.Errorf("events %v, %d dropped", e, got.DroppedEventsCount)
	}
	if l := got.Links; len(l) != 1 || l[0].SpanId[0] != 4 || l[0].TraceState != "a=b" || l[0].Flags != 0x301 || got.DroppedLinksCount != 1 {
		t.Errorf("links %v, %d dropped", l, got.DroppedLinksCount)
	}
	if got.Status.Code != tracepb.Status_STATUS_CODE_ERROR || got.Status.Message != "boom" {
		t.Errorf("status %v", got.Status)
	}
	root := data.ResourceSpans[1].ScopeSpans[0].Spans[0]
	if len(root.ParentSpanId) != 0 || root.Status.Code != tracepb.Status_STATUS_CODE_OK || root.Flags != 0x101 || root.Kind != tracepb.Span_SPAN_KIND_INTERNAL {
		t.Errorf("root: %v", root)
	}
}

func TestEncodeMetrics(t *testing.T) {
	at, from := time.Unix(1700000001, 0), time.Unix(1700000000, 0)
	set := attribute.NewSet(attribute.String("eip.flow", "f"))
	all := &metricdata.ResourceMetrics{Resource: resource.Empty(), ScopeMetrics: []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: "s"}, Metrics: []metricdata.Metrics{
		{Name: "count", Description: "about", Unit: "{message}", Data: metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
			DataPoints: []metricdata.DataPoint[int64]{{Attributes: set, StartTime: from, Time: at, Value: 7}}}},
		{Name: "delta", Data: metricdata.Sum[float64]{Temporality: metricdata.DeltaTemporality, DataPoints: []metricdata.DataPoint[float64]{{Time: at, Value: -0.5}}}},
		{Name: "level", Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Time: at}}}},
		{Name: "ratio", Data: metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{{Time: at, Value: 0.25}}}},
		{Name: "sizes", Data: metricdata.Histogram[int64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.HistogramDataPoint[int64]{{Time: at, Count: 1, Sum: 3, BucketCounts: []uint64{1}}}}},
		{Name: "times", Unit: "s", Data: metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.HistogramDataPoint[float64]{{
			Attributes: set, StartTime: from, Time: at, Count: 3, Sum: 2.5, Bounds: []float64{0.1, 1}, BucketCounts: []uint64{1, 0, 2}, Min: metricdata.NewExtrema(0.05), Max: metricdata.NewExtrema(2.0)}}}},
		{Name: "trips", Data: metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{Attributes: set, StartTime: from, Time: at, Count: 2, Sum: 1.5,
			QuantileValues: []metricdata.QuantileValue{{Quantile: 0, Value: 0}, {Quantile: 0.5, Value: 0.75}}}}}},
	}}}}
	var data metricspb.MetricsData
	unmarshal(t, encodeMetrics(all), &data)
	m := data.ResourceMetrics[0].ScopeMetrics[0].Metrics
	if len(m) != 7 || m[0].Name != "count" || m[0].Description != "about" || m[0].Unit != "{message}" {
		t.Fatalf("metrics %v", m)
	}
	if s := m[0].GetSum(); !s.IsMonotonic || s.AggregationTemporality != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE || s.DataPoints[0].GetAsInt() != 7 ||
		s.DataPoints[0].Attributes[0].Key != "eip.flow" || s.DataPoints[0].StartTimeUnixNano != 1700000000e9 || s.DataPoints[0].TimeUnixNano != 1700000001e9 {
		t.Errorf("sum %v", s)
	}
	if s := m[1].GetSum(); s.IsMonotonic || s.AggregationTemporality != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA || s.DataPoints[0].GetAsDouble() != -0.5 {
		t.Errorf("sum %v", s)
	}
	if p := m[2].GetGauge().DataPoints[0]; p.Value == nil || p.GetAsInt() != 0 {
		t.Errorf("gauge %v", p)
	}
	if p := m[3].GetGauge().DataPoints[0]; p.GetAsDouble() != 0.25 {
		t.Errorf("gauge %v", p)
	}
	if p := m[4].GetHistogram().DataPoints[0]; p.GetSum() != 3 || p.Count != 1 || p.Min != nil {
		t.Errorf("histogram %v", p)
	}
	if p := m[5].GetHistogram().DataPoints[0]; p.Count != 3 || p.GetSum() != 2.5 || !slices.Equal(p.BucketCounts, []uint64{1, 0, 2}) || !slices.Equal(p.ExplicitBounds, []float64{0.1, 1}) || p.GetMin() != 0.05 || p.GetMax() != 2 {
		t.Errorf("histogram %v", p)
	}
	if p := m[6].GetSummary().DataPoints[0]; p.Count != 2 || p.Sum != 1.5 || len(p.QuantileValues) != 2 || p.QuantileValues[1].Value != 0.75 {
		t.Errorf("summary %v", p)
	}
}

func TestMetrics_SendsNothingForNothing(t *testing.T) {
	x := Metrics{NewClient(Config{URL: "http://127.0.0.1:1", Timeout: time.Hour})}
	if err := errors.Join(x.Export(t.Context(), &metricdata.ResourceMetrics{}), x.ForceFlush(t.Context()), x.Shutdown(t.Context()),
		Traces(x).ExportSpans(t.Context(), nil)); err != nil {
		t.Error(err)
	}
}
