package telemetry_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/telemetry"
)

// collector is a receiver of OTLP.
type collector struct {
	mu      sync.Mutex
	traces  tracepb.TracesData
	metrics metricspb.MetricsData
	url     string
}

func collect(t *testing.T) *collector {
	c := &collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	merge := proto.UnmarshalOptions{Merge: true}
	switch {
	case err != nil:
	case r.URL.Path == "/v1/traces":
		err = merge.Unmarshal(body, &c.traces)
	case r.URL.Path == "/v1/metrics":
		err = merge.Unmarshal(body, &c.metrics)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *collector) names() (spans, metrics, services []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.traces.ResourceSpans {
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				services = append(services, a.Value.GetStringValue())
			}
		}
		for _, s := range r.ScopeSpans {
			for _, span := range s.Spans {
				spans = append(spans, span.Name)
			}
		}
	}
	for _, r := range c.metrics.ResourceMetrics {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				metrics = append(metrics, m.Name)
			}
		}
	}
	return spans, metrics, services
}

// setup runs a flow of one message with the telemetry that an environment asks for,
// and returns that, closed, and what it wrote to the console and the log.
func setup(t *testing.T, env map[string]string) (s *telemetry.Telemetry, console, log string) {
	t.Helper()
	for name, value := range env { // the SDK reads it by itself
		t.Setenv(name, value)
	}
	var printed, logged bytes.Buffer
	p := &process{flow: &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), To: eip.Discard}, state: control.Running}
	s, err := telemetry.Setup(t.Context(), telemetry.Options{Service: "eipd", Serve: true, Version: "v1", Instance: "i", Getenv: func(name string) string { return env[name] },
		Process: func() telemetry.Process { return p }, Console: &printed, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if s.Tracing != nil {
		p.flow.Env.Tracer = s.Tracing.Flow("f", map[string]eip.Place{"": {Kind: "adapter", Name: "in"}})
	}
	run(t, p.flow)
	w := httptest.NewRecorder()
	s.Metrics.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `eip_flow_received_total{eip_flow="f"} 1`) || !strings.Contains(body, `service_instance_id="i"`) {
		t.Errorf("/metrics: %d\n%s", w.Code, body)
	}
	if err := s.Close(t.Context()); err != nil {
		logged.WriteString(err.Error())
	}
	return s, printed.String(), logged.String()
}

func TestSetup_Nothing(t *testing.T) {
	for _, env := range []map[string]string{{}, {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER": "none"},
		{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}} {
		if s, console, log := setup(t, env); s.Tracing != nil || s.Prometheus != "" || console != "" || log != "" {
			t.Errorf("%v: %+v, console %q, log %q", env, s, console, log)
		}
	}
}

func TestSetup_Collector(t *testing.T) {
	for _, named := range []bool{false, true} {
		c := collect(t)
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.url, "OTEL_SERVICE_NAME": "orders", "OTEL_RESOURCE_ATTRIBUTES": "team=a"}
		if named {
			env["OTEL_TRACES_EXPORTER"], env["OTEL_METRICS_EXPORTER"] = "otlp", "otlp,prometheus"
		}
		s, _, log := setup(t, env)
		spans, metrics, services := c.names()
		if strings.Join(spans, " ") != "process in" || strings.Join(services, " ") != "orders" || !strings.Contains(strings.Join(metrics, " "), "eip.flow.duration") || log != "" {
			t.Errorf("the collector got %q and %q of %q; log %q", spans, metrics, services, log)
		}
		if want := map[bool]string{false: "", true: "localhost:9464"}[named]; s.Prometheus != want {
			t.Errorf("metrics at %q, want %q", s.Prometheus, want)
		}
	}
}

func TestSetup_Console(t *testing.T) {
	s, console, _ := setup(t, map[string]string{"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console,prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "0.0.0.0", "OTEL_EXPORTER_PROMETHEUS_PORT": "9"})
	if !strings.Contains(console, `"Name":"process in"`) || !strings.Contains(console, `"eip.flow.received"`) || s.Prometheus != "0.0.0.0:9" {
		t.Errorf("metrics at %q, printed %s", s.Prometheus, console)
	}
}

// The sampler is the SDK's affair, and the message still carries the trace.
func TestSetup_Sampler(t *testing.T) {
	c := collect(t)
	s, _, _ := setup(t, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": c.url + "/v1/traces", "OTEL_TRACES_SAMPLER": "always_off", "OTEL_PROPAGATORS": "tracecontext,none"})
	if spans, metrics, _ := c.names(); len(spans)+len(metrics) != 0 || s.Tracing == nil {
		t.Errorf("the collector got %q and %q", spans, metrics)
	}
}

// A collector that is away is logged, and nothing else.
func TestSetup_CollectorIsAway(t *testing.T) {
	_, _, log := setup(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"})
	if !strings.Contains(log, "127.0.0.1:1") {
		t.Errorf("log %q", log)
	}
}

func TestSetup_Mistakes(t *testing.T) {
	for name, value := range map[string]string{"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_METRICS_EXPORTER": "otlp,statsd", "OTEL_PROPAGATORS": "b3", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "zip"} {
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", name: value}
		_, err := telemetry.Setup(t.Context(), telemetry.Options{Getenv: func(name string) string { return env[name] }, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), name+"="+value) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
