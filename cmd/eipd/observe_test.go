package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/eipd/eipd/internal/rabbit"
)

// collector receives spans by OTLP.
type collector struct {
	url  string
	mu   sync.Mutex
	data tracepb.TracesData
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil && r.URL.Path == "/v1/traces" {
			err = proto.UnmarshalOptions{Merge: true}.Unmarshal(body, &c.data)
		}
		if err != nil {
			t.Errorf("the collector cannot read what it got: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// traces are the spans of each trace by the names of those that they are within,
// sorted: "eipd-a:process in > eipd-a:send orders".
func (c *collector) traces() [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	type span struct {
		*tracepb.Span
		service string
	}
	spans := map[string]span{}
	for _, r := range c.data.ResourceSpans {
		service := ""
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, in := range r.ScopeSpans {
			for _, s := range in.Spans {
				spans[string(s.SpanId)] = span{s, service}
			}
		}
	}
	traces := map[string][]string{}
	for _, s := range spans {
		path := s.service + ":" + s.Name
		for at, ok := spans[string(s.ParentSpanId)]; ok; at, ok = spans[string(at.ParentSpanId)] {
			path = at.service + ":" + at.Name + " > " + path
		}
		traces[string(s.TraceId)] = append(traces[string(s.TraceId)], path)
	}
	var all [][]string
	for _, t := range traces {
		slices.Sort(t)
		all = append(all, t)
	}
	return all
}

func observedRun(t *testing.T, c *collector, service, text string, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flow.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := eipd(t, dir, append([]string{"run", "flow.hcl"}, args...)...)
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+c.url+"/v1/traces", "OTEL_SERVICE_NAME="+service)
	return cmd
}

// A message's way through two processes, over RabbitMQ and over HTTP, is one trace.
func TestTelemetry_OneTraceOverProcesses(t *testing.T) {
	const receives = `
queue "orders" {}
adapter "stdio" "out" {}
adapter "http" "web" { listen = "127.0.0.1:0" }
flow "orders" {
  from = queue.orders
  transform "change" { body = "body + '!'" }
  to = adapter.out
}
flow "web" {
  from = adapter.web
  reply {}
}`
	const sends = `
variable "web" {}
queue "orders" {}
adapter "stdio" "in" {}
adapter "http" "web" { url = var.web }
flow "in" {
  from = adapter.in
  request { to = adapter.web }
  to = queue.orders
}`
	url := rabbit.Shared(t).Vhosts(t, "telemetry")["telemetry"]
	c := newCollector(t)
	receiver := start(t, observedRun(t, c, "b", receives, "--broker", url))
	web := "http://" + receiver.address(t)
	receiver.ready(t)
	cmd := observedRun(t, c, "a", sends, "--broker", url, "--var", "web="+web)
	cmd.Stdin = strings.NewReader("order\n")
	sender := start(t, cmd)
	if l := receiver.line(t); l != "order!" {
		t.Errorf("printed %q", l)
	}
	sender.interrupt(t)
	receiver.interrupt(t)
	want := []string{
		"a:process in",
		"a:process in > a:in.request",
		"a:process in > a:in.request > a:send web",
		"a:process in > a:in.request > a:send web > b:process web",
		"a:process in > a:in.request > a:send web > b:process web > b:web.reply",
		"a:process in > a:send orders",
		"a:process in > a:send orders > b:process orders",
		"a:process in > a:send orders > b:process orders > b:orders.change",
		"a:process in > a:send orders > b:process orders > b:send out",
	}
	traces := c.traces()
	if len(traces) == 1 { // how the answer comes back within the processes is their own affair
		traces[0] = slices.DeleteFunc(traces[0], func(s string) bool { return strings.HasSuffix(s, ":send reply") })
	}
	if len(traces) != 1 || !slices.Equal(traces[0], want) {
		t.Errorf("%d traces:\n%s\nwant one:\n%s", len(traces), join(traces), strings.Join(want, "\n"))
	}
}

// A request and its reply by way of a Return Address are one trace.
func TestTelemetry_RequestAndReply(t *testing.T) {
	const text = `
queue "service" {}
adapter "stdio" "in" {}
flow "ask" {
  from = adapter.in
  request { to = queue.service }
  to = adapter.in
}
flow "serve" {
  from = queue.service
  reply { body = "'answer'" }
}`
	c := newCollector(t)
	cmd := observedRun(t, c, "e", text, "--broker", "memory:", "--until-idle")
	cmd.Stdin = strings.NewReader("question\n")
	out, _, code := output(t, cmd)
	const serve = "e:process in > e:ask.request > e:send service > e:process service"
	want := []string{"e:process in", "e:process in > e:ask.request", "e:process in > e:ask.request > e:send service", serve, serve + " > e:serve.reply",
		serve + " > e:serve.reply > e:send reply", serve + " > e:serve.reply > e:send reply > e:process reply", "e:process in > e:send in"}
	slices.Sort(want)
	if traces := c.traces(); out != "answer\n" || code != 0 || len(traces) != 1 || !slices.Equal(traces[0], want) {
		t.Errorf("printed %q, exit code %d, traces:\n%s\nwant one:\n%s", out, code, join(traces), strings.Join(want, "\n"))
	}
}

func join(traces [][]string) string {
	var b strings.Builder
	for _, t := range traces {
		b.WriteString(strings.Join(t, "\n") + "\n\n")
	}
	return b.String()
}

func TestRun_HTTP(t *testing.T) {
	const text = `
adapter "timer" "clock" { every = "1h" }
queue "out" {}
flow "ticks" {
  from = adapter.clock
  to = queue.out
}`
	c := newCollector(t)
	p := start(t, observedRun(t, c, "e", text, "--broker", "memory:", "--http", "127.0.0.1:0"))
	p.ready(t)
	base := ""
	for _, l := range p.seen {
		if _, at, ok := strings.Cut(l, " http="); ok {
			base = "http://" + strings.TrimSpace(at)
		}
	}
	get := func(path string) (int, string) {
		response, err := http.Get(base + path)
		if err != nil {
			p.fail(t, err.Error())
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := get("/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %s", status, body)
	}
	status, body := get("/readyz")
	var ready struct {
		Ready   bool
		Status  string
		Flows   []struct{ Name, State string }
		Brokers []struct{ Connected bool }
	}
	if err := json.Unmarshal([]byte(body), &ready); err != nil || status != 200 || !ready.Ready || ready.Flows[0].State != "running" || !ready.Brokers[0].Connected {
		t.Errorf("/readyz: %d %s %v", status, body, err)
	}
	if status, body := get("/metrics"); status != 200 || !strings.Contains(body, `eip_flow_running{eip_flow="ticks"} 1`) || !strings.Contains(body, `service_name="e"`) {
		t.Errorf("/metrics: %d %s", status, body)
	}
	if status, _ := get("/"); status != 404 {
		t.Errorf("/: %d", status)
	}
	p.interrupt(t)
}

func TestRun_TelemetryMistakes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		args     []string
		env      string
		code     int
		contains string
	}{
		{[]string{"--http", l.Addr().String()}, "", 1, "--http: listen tcp " + l.Addr().String() + ": bind: address already in use"},
		{[]string{"--http", "9090"}, "", 2, "--http 9090: write HOST:PORT"},
		{nil, "OTEL_TRACES_EXPORTER=jaeger", 1, "OTEL_TRACES_EXPORTER=jaeger: write otlp, console, none"},
		{nil, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", 1, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: write http/protobuf"},
	} {
		cmd := observedRun(t, &collector{url: "http://127.0.0.1:1"}, "e", "adapter \"stdio\" \"in\" {}\nflow \"f\" {\n  from = adapter.in\n  discard {}\n}\n", append(tt.args, "--until-idle")...)
		cmd.Env = append(cmd.Env, tt.env)
		if _, log, code := output(t, cmd); code != tt.code || !strings.Contains(log, tt.contains) {
			t.Errorf("%v %s: exit code %d\n%s", tt.args, tt.env, code, log)
		}
	}
}
