package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[strings.TrimPrefix(name, "OTEL_EXPORTER_OTLP_")] }
}

func TestFromEnv(t *testing.T) {
	tests := map[string]struct {
		env     map[string]string
		url     string
		headers map[string]string
		timeout time.Duration
		gzip    bool
	}{
		"nothing":   {nil, "http://localhost:4318/v1/traces", nil, 10 * time.Second, false},
		"for all":   {map[string]string{"ENDPOINT": "https://c:1/base/", "HEADERS": "a=b, c = d%20e,", "TIMEOUT": "5", "COMPRESSION": "gzip"}, "https://c:1/base/v1/traces", map[string]string{"a": "b", "c": "d e"}, 5 * time.Millisecond, true},
		"for one":   {map[string]string{"ENDPOINT": "http://c", "TRACES_ENDPOINT": "http://d/x", "HEADERS": "a=b", "TRACES_HEADERS": "k=v", "TIMEOUT": "5", "TRACES_TIMEOUT": "7", "COMPRESSION": "gzip", "TRACES_COMPRESSION": "none"}, "http://d/x", map[string]string{"k": "v"}, 7 * time.Millisecond, false},
		"no path":   {map[string]string{"TRACES_ENDPOINT": "http://d", "PROTOCOL": "http/protobuf"}, "http://d/", nil, 10 * time.Second, false},
		"of others": {map[string]string{"METRICS_ENDPOINT": "http://d", "METRICS_PROTOCOL": "grpc"}, "http://localhost:4318/v1/traces", nil, 10 * time.Second, false},
	}
	for name, tt := range tests {
		c, err := FromEnv("TRACES", getenv(tt.env))
		if err != nil || c.URL != tt.url || !maps.Equal(c.Headers, tt.headers) || c.Timeout != tt.timeout || c.Gzip != tt.gzip {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for name, value := range map[string]string{"PROTOCOL": "grpc", "TRACES_PROTOCOL": "http/json", "ENDPOINT": "localhost:4318", "TRACES_ENDPOINT": "ftp://user:secret@x", "HEADERS": "novalue",
		"TIMEOUT": "5s", "COMPRESSION": "zip", "CERTIFICATE": "/nowhere", "CLIENT_CERTIFICATE": "/nowhere"} {
		_, err := FromEnv("TRACES", getenv(map[string]string{name: value}))
		if err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_"+name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestClient_Sends(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		unzipped, err := gzip.NewReader(r.Body)
		if err == nil {
			body, err = io.ReadAll(unzipped)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"ENDPOINT": server.URL, "HEADERS": "api-key=k", "COMPRESSION": "gzip", "CERTIFICATE": ca}
	c, err := FromEnv("METRICS", getenv(env))
	if err != nil {
		t.Fatal(err)
	}
	client := NewClient(c)
	if err := client.send(t.Context(), message("payload")); err != nil {
		t.Fatal(err)
	}
	if got.URL.Path != "/v1/metrics" || got.Header.Get("Api-Key") != "k" || got.Header.Get("Content-Type") != "application/x-protobuf" || !bytes.Equal(body, []byte("payload")) {
		t.Errorf("got %v with %q", got, body)
	}
	if err := client.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// answers is a receiver without a network, so that time can be made up.
type answers struct {
	statuses []int // 0: no answer
	after    string
	times    []time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.times = append(a.times, time.Now())
	status := a.statuses[0]
	if len(a.statuses) > 1 {
		a.statuses = a.statuses[1:]
	}
	if status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Retry-After": {a.after}}, Body: io.NopCloser(strings.NewReader("because")), Request: r}, nil
}

func TestClient_TriesAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		statuses []int
		after    string
		tries    int
		err      string
		within   time.Duration
	}{
		"refused":         {[]int{400}, "", 1, "answered Bad Request: \"because\"", 0},
		"redirected":      {[]int{307}, "", 1, "answered Temporary Redirect", 0},
		"passes":          {[]int{503, 0, 429, 200}, "", 4, "", 7 * time.Second},
		"is told when":    {[]int{503, 200}, "4", 2, "", 4 * time.Second},
		"too long a wait": {[]int{503, 200}, "40", 1, "Service Unavailable", 0},
		"stays away":      {[]int{0}, "", 0, "send telemetry", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{statuses: tt.statuses, after: tt.after}
				c := NewClient(Config{URL: "http://c/v1/traces", Timeout: 10 * time.Second})
				c.http.Transport = a
				began := time.Now()
				err := c.send(context.Background(), nil)
				if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				if tt.tries > 0 && len(a.times) != tt.tries || tt.tries == 0 && len(a.times) < 3 || time.Since(began) > tt.within {
					t.Errorf("%d tries in %v", len(a.times), time.Since(began))
				}
			})
		})
	}
}
