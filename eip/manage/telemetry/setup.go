package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"github.com/eipd/eipd/eip/manage/telemetry/internal/otlp"
)

// Options say whose telemetry it is.
type Options struct {
	Service, Version, Instance string
	// Getenv reads the environment. What the SDK reads itself (the sampler, limits,
	// intervals, the resource) always comes from the process' own.
	Getenv func(name string) string
	// Serve is set where Telemetry.Metrics is needed, whatever is exported.
	Serve bool
	// Process returns whose metrics there are; nil while there is none.
	Process func() Process
	Console io.Writer    // of the exporters named console
	Log     *slog.Logger // of what cannot be exported
}

// Telemetry is what Setup has set up.
type Telemetry struct {
	// Tracing is nil where nobody wants traces.
	Tracing *Tracing
	// Metrics serves them to Prometheus; nil where nobody wants metrics.
	Metrics http.Handler
	// Prometheus is the address that the environment wants them to be served at; ""
	// for none.
	Prometheus string

	traces  *sdktrace.TracerProvider
	metrics *metric.MeterProvider
}

// Setup exports what the environment asks for, as the OpenTelemetry specification
// has it: to a collector where an exporter or the endpoint of one is named. Without
// any of that nothing is exported.
func Setup(ctx context.Context, o Options) (t *Telemetry, err error) {
	env := environment{o.Getenv}
	var traces, metrics []string
	if !strings.EqualFold(env.getenv("OTEL_SDK_DISABLED"), "true") {
		traces, err = env.exporters("TRACES", "otlp", "console", "none")
		if err != nil {
			return nil, err
		}
		metrics, err = env.exporters("METRICS", "otlp", "prometheus", "console", "none")
		if err != nil {
			return nil, err
		}
	}
	if len(traces)+len(metrics) == 0 && !o.Serve {
		return &Telemetry{}, nil
	}
	r, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName(o.Service), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Instance)),
		resource.WithSchemaURL(semconv.SchemaURL), resource.WithHost(), resource.WithFromEnv())
	if err != nil && r == nil {
		return nil, fmt.Errorf("read the resource's attributes: %w", err)
	}
	if len(traces)+len(metrics) > 0 {
		otel.SetErrorHandler(&complaints{log: o.Log})
	}
	t = &Telemetry{}
	if err := t.setupTraces(r, o, env, traces); err != nil {
		return nil, err
	}
	if err := t.setupMetrics(r, o, env, metrics); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

func (t *Telemetry) setupTraces(r *resource.Resource, o Options, env environment, names []string) error {
	if len(names) == 0 {
		return nil
	}
	propagator, err := env.propagator()
	if err != nil {
		return err
	}
	providing := []sdktrace.TracerProviderOption{sdktrace.WithResource(r)}
	for _, name := range names {
		var exporter sdktrace.SpanExporter
		if name == "console" {
			exporter, err = stdouttrace.New(stdouttrace.WithWriter(o.Console))
		} else {
			var c otlp.Config
			c, err = otlp.FromEnv("TRACES", env.getenv)
			exporter = otlp.Traces{Client: otlp.NewClient(c)}
		}
		if err != nil {
			return fmt.Errorf("export traces: %w", err)
		}
		providing = append(providing, sdktrace.WithBatcher(exporter))
	}
	t.traces = sdktrace.NewTracerProvider(providing...)
	t.Tracing = NewTracing(t.traces, propagator)
	return nil
}

func (t *Telemetry) setupMetrics(r *resource.Resource, o Options, env environment, names []string) error {
	if len(names) == 0 && !o.Serve {
		return nil
	}
	producer := NewProducer(o.Process)
	scraped := metric.NewManualReader(metric.WithProducer(producer))
	providing := []metric.Option{metric.WithResource(r), metric.WithReader(scraped)}
	for _, name := range names {
		var exporter metric.Exporter
		var err error
		switch name {
		case "prometheus":
			t.Prometheus = env.prometheus()
			continue
		case "console":
			exporter, err = stdoutmetric.New(stdoutmetric.WithWriter(o.Console))
		default:
			var c otlp.Config
			c, err = otlp.FromEnv("METRICS", env.getenv)
			exporter = otlp.Metrics{Client: otlp.NewClient(c)}
		}
		if err != nil {
			return fmt.Errorf("export metrics: %w", err)
		}
		providing = append(providing, metric.WithReader(metric.NewPeriodicReader(exporter, metric.WithProducer(producer))))
	}
	t.metrics = metric.NewMeterProvider(providing...)
	t.Metrics = scrape{scraped}
	return nil
}

// Close exports what is left, until ctx ends.
func (t *Telemetry) Close(ctx context.Context) (err error) {
	if t.metrics != nil {
		err = t.metrics.Shutdown(ctx)
	}
	if t.traces != nil {
		err = errors.Join(err, t.traces.Shutdown(ctx))
	}
	return err
}

// environment reads variables as the specification has it: an empty one is as good
// as none.
type environment struct{ getenv func(string) string }

// exporters are the names of the exporters of a signal that are wanted, in the order
// of the choice.
func (e environment) exporters(signal string, choice ...string) (names []string, err error) {
	name := "OTEL_" + signal + "_EXPORTER"
	v := e.getenv(name)
	if v == "" {
		if e.getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || e.getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != "" {
			return []string{"otlp"}, nil
		}
		return nil, nil
	}
	for want := range strings.SplitSeq(v, ",") {
		want = strings.TrimSpace(want)
		if !slices.Contains(choice, want) {
			return nil, fmt.Errorf("%s=%s: write %s", name, v, strings.Join(choice, ", "))
		}
		if want != "none" && !slices.Contains(names, want) {
			names = append(names, want)
		}
	}
	return names, nil
}

// propagator is what carries the context of spans.
func (e environment) propagator() (propagation.TextMapPropagator, error) {
	v := e.getenv("OTEL_PROPAGATORS")
	if v == "" {
		return nil, nil
	}
	all := []propagation.TextMapPropagator{}
	for name := range strings.SplitSeq(v, ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			all = append(all, propagation.TraceContext{})
		case "baggage":
			all = append(all, propagation.Baggage{})
		case "none":
		default:
			return nil, fmt.Errorf("OTEL_PROPAGATORS=%s: write tracecontext, baggage, none", v)
		}
	}
	return propagation.NewCompositeTextMapPropagator(all...), nil
}

// prometheus is the address of the exporter named prometheus.
func (e environment) prometheus() string {
	return cmp.Or(e.getenv("OTEL_EXPORTER_PROMETHEUS_HOST"), "localhost") + ":" + cmp.Or(e.getenv("OTEL_EXPORTER_PROMETHEUS_PORT"), "9464")
}
