package exposition_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/eipd/eipd/eip/manage/telemetry/internal/exposition"
)

func TestWrite(t *testing.T) {
	set := attribute.NewSet(attribute.String("eip.flow", "a\"b\\c\nd"), attribute.String("eip_flow", "second"), attribute.Int("1", 7))
	all := &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "eipd")),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
			{Name: "eip.flow.received", Unit: "{message}", Description: "a \\ b\nc", Data: metricdata.Sum[int64]{IsMonotonic: true, DataPoints: []metricdata.DataPoint[int64]{{Attributes: set, Value: 7}}}},
			{Name: "in.flight", Unit: "{message}", Data: metricdata.Sum[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 3}}}},
			{Name: "size", Unit: "By", Data: metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{{Value: math.Inf(-1)}}}},
			{Name: "flag", Unit: "1", Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 1}}}},
			{Name: "busy.total", Data: metricdata.Sum[float64]{IsMonotonic: true, DataPoints: []metricdata.DataPoint[float64]{{Value: math.NaN()}}}},
			{Name: "took", Unit: "s", Data: metricdata.Histogram[float64]{DataPoints: []metricdata.HistogramDataPoint[float64]{{Count: 3, Sum: 2.5, Bounds: []float64{0.00001, 1}, BucketCounts: []uint64{1, 0, 2}}}}},
			{Name: "trip", Unit: "s", Data: metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{Attributes: attribute.NewSet(attribute.String("a", "b")), Count: 2, Sum: 1.5, QuantileValues: []metricdata.QuantileValue{{Quantile: 0.5, Value: 0.75}}}}}},
		}}},
	}
	var b bytes.Buffer
	if err := exposition.Write(&b, all); err != nil {
		t.Fatal(err)
	}
	const want = `# HELP target_info What the metrics are of.
# TYPE target_info gauge
target_info{service_name="eipd"} 1
# HELP eip_flow_received_total a \\ b\nc
# TYPE eip_flow_received_total counter
eip_flow_received_total{_1="7",eip_flow="a\"b\\c\nd;second"} 7
# HELP in_flight 
# TYPE in_flight gauge
in_flight 3
# HELP size_bytes 
# TYPE size_bytes gauge
size_bytes -Inf
# HELP flag 
# TYPE flag gauge
flag 1
# HELP busy_total 
# TYPE busy_total counter
busy_total NaN
# HELP took_seconds 
# TYPE took_seconds histogram
took_seconds_bucket{le="1e-05"} 1
took_seconds_bucket{le="1"} 1
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 2.5
took_seconds_count 3
# HELP trip_seconds 
# TYPE trip_seconds summary
trip_seconds{a="b",quantile="0.5"} 0.75
trip_seconds_sum{a="b"} 1.5
trip_seconds_count{a="b"} 2
`
	if b.String() != want {
		t.Errorf("wrote\n%s\nwant\n%s", &b, want)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(b.String()))
	if err != nil || len(families) != 8 {
		t.Errorf("Prometheus reads %d metrics: %v", len(families), err)
	}
	if got := families["eip_flow_received_total"].GetMetric()[0].GetLabel()[1].GetValue(); got != "a\"b\\c\nd;second" {
		t.Errorf("Prometheus reads the label %q", got)
	}
}
