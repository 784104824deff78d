// Package exposition writes metrics in Prometheus' text format, under the names
// that the OpenTelemetry specification gives them there.
package exposition

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// ContentType is that of what Write writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Write writes metrics. The resource becomes the metric target_info.
func Write(w io.Writer, all *metricdata.ResourceMetrics) error {
	var b builder
	if r := all.Resource; r != nil && r.Len() > 0 {
		b.head("target_info", "What the metrics are of.", "gauge")
		b.sample("target_info", labels(*r.Set()), "", "1")
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			b.metric(m)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type builder struct{ strings.Builder }

func (b *builder) metric(m metricdata.Metrics) {
	name := nameOf(m.Name, m.Unit)
	switch d := m.Data.(type) {
	case metricdata.Gauge[int64]:
		points(b, name, m.Description, "gauge", d.DataPoints)
	case metricdata.Gauge[float64]:
		points(b, name, m.Description, "gauge", d.DataPoints)
	case metricdata.Sum[int64]:
		sum(b, name, m.Description, d)
	case metricdata.Sum[float64]:
		sum(b, name, m.Description, d)
	case metricdata.Histogram[float64]:
		b.histogram(name, m.Description, d)
	case metricdata.Summary:
		b.summary(name, m.Description, d)
	}
}

func sum[N int64 | float64](b *builder, name, help string, d metricdata.Sum[N]) {
	if !d.IsMonotonic {
		points(b, name, help, "gauge", d.DataPoints)
		return
	}
	points(b, strings.TrimSuffix(name, "_total")+"_total", help, "counter", d.DataPoints)
}

func points[N int64 | float64](b *builder, name, help, kind string, all []metricdata.DataPoint[N]) {
	b.head(name, help, kind)
	for _, p := range all {
		b.sample(name, labels(p.Attributes), "", number(float64(p.Value)))
	}
}

func (b *builder) histogram(name, help string, d metricdata.Histogram[float64]) {
	b.head(name, help, "histogram")
	for _, p := range d.DataPoints {
		l, count := labels(p.Attributes), uint64(0)
		for i, n := range p.BucketCounts {
			count += n
			le := math.Inf(1)
			if i < len(p.Bounds) {
				le = p.Bounds[i]
			}
			b.sample(name+"_bucket", l, `le="`+number(le)+`"`, strconv.FormatUint(count, 10))
		}
		b.sample(name+"_sum", l, "", number(p.Sum))
		b.sample(name+"_count", l, "", strconv.FormatUint(p.Count, 10))
	}
}

func (b *builder) summary(name, help string, d metricdata.Summary) {
	b.head(name, help, "summary")
	for _, p := range d.DataPoints {
		l := labels(p.Attributes)
		for _, q := range p.QuantileValues {
			b.sample(name, l, `quantile="`+number(q.Quantile)+`"`, number(q.Value))
		}
		b.sample(name+"_sum", l, "", number(p.Sum))
		b.sample(name+"_count", l, "", strconv.FormatUint(p.Count, 10))
	}
}

func (b *builder) head(name, help, kind string) {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	b.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

func (b *builder) sample(name, labels, further, value string) {
	b.WriteString(name)
	if labels != "" && further != "" {
		labels += ","
	}
	if labels += further; labels != "" {
		b.WriteString("{" + labels + "}")
	}
	b.WriteString(" " + value + "\n")
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// labels writes attributes, those of one name together.
func labels(s attribute.Set) string {
	values := map[string][]string{}
	var names []string
	for _, a := range s.ToSlice() {
		name := clean(string(a.Key))
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], a.Value.String())
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = name + `="` + escape.Replace(strings.Join(values[name], ";")) + `"`
	}
	return strings.Join(names, ",")
}

// nameOf is a metric's name with its unit.
func nameOf(name, unit string) string {
	name = clean(name)
	suffix := ""
	switch unit {
	case "s":
		suffix = "_seconds"
	case "By":
		suffix = "_bytes"
	}
	return strings.TrimSuffix(name, suffix) + suffix
}

// clean replaces what a name must not have.
func clean(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name)
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		clean = "_" + clean
	}
	return clean
}

func number(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "+Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	case math.IsNaN(f):
		return "NaN"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
