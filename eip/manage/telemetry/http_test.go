package telemetry_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/telemetry"
)

func TestCheck(t *testing.T) {
	up, away := control.Broker{Name: "default", URL: "amqp://me:xxxxx@b", Connected: true}, control.Broker{Name: "far", Waiting: "far:5672: connection refused"}
	for name, tt := range map[string]struct {
		state    telemetry.State
		flow     control.State
		brokers  []control.Broker
		ready    bool
		degraded []string
	}{
		"running":     {telemetry.Running, control.Running, []control.Broker{up}, true, nil},
		"no broker":   {telemetry.Running, control.Running, nil, true, nil},
		"starting":    {telemetry.Starting, control.Running, []control.Broker{up}, false, []string{"the flows are not up yet"}},
		"waiting":     {telemetry.Starting, control.Starting, []control.Broker{up, away}, false, []string{"the flows are not up yet", "broker far is not connected: far:5672: connection refused"}},
		"stopping":    {telemetry.Stopping, control.Stopping, []control.Broker{up}, false, []string{"flow f is stopping"}},
		"stopped":     {telemetry.Running, control.Stopped, []control.Broker{up}, true, []string{"flow f is stopped"}},
		"broker away": {telemetry.Running, control.Running, []control.Broker{up, away}, false, []string{"broker far is not connected: far:5672: connection refused"}},
	} {
		h := telemetry.Check(tt.state, &process{flow: &eip.Flow{Name: "f"}, state: tt.flow, brokers: tt.brokers})
		if h.Ready != tt.ready || h.Status != tt.state || !slices.Equal(h.Degraded, tt.degraded) || len(h.Flows) != 1 || len(h.Brokers) != len(tt.brokers) {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if h := telemetry.Check(telemetry.Starting, nil); h.Ready || len(h.Degraded) != 1 {
		t.Errorf("without a process: %+v", h)
	}
}

func TestHandler(t *testing.T) {
	health := telemetry.Check(telemetry.Running, &process{flow: &eip.Flow{Name: "f"}, state: control.Running})
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "metrics") })
	h := telemetry.Handler(metrics, func() telemetry.Health { return health })
	get := func(method, path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Code, w.Body.String()
	}
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/metrics", 200, "metrics"}, {"GET", "/healthz", 200, "ok\n"}, {"HEAD", "/healthz", 200, "ok\n"}, {"POST", "/metrics", 405, ""},
		{"GET", "/", 404, ""}, {"GET", "/metrics/more", 404, ""}, {"GET", "/readyz/", 404, ""}, {"GET", "/debug/pprof/", 404, ""},
	} {
		if status, body := get(tt.method, tt.path); status != tt.status || tt.body != "" && body != tt.body {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, status, body)
		}
	}
	for ready, want := range map[bool]int{true: 200, false: 503} {
		health.Ready = ready
		status, body := get("GET", "/readyz")
		var got telemetry.Health
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != want || got.Ready != ready || got.Flows[0].Name != "f" {
			t.Errorf("ready %v: %d %s, %v", ready, status, body, err)
		}
	}
}

func TestListen(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := telemetry.Listen("127.0.0.1:0", http.NotFoundHandler(), log)
	if err != nil {
		t.Fatal(err)
	}
	for host, status := range map[string]int{s.Address(): 404, "localhost": 404, "evil.example": 421} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Address(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.Close = host, true
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("for %s it answered %d, want %d", host, response.StatusCode, status)
		}
	}
	if _, err := telemetry.Listen(s.Address(), http.NotFoundHandler(), log); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("an address was taken twice: %v", err)
	}
	if status := getStatus(t, "http://"+s.Address()+"/"); status != 404 {
		t.Errorf("answered %d", status)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func getStatus(t *testing.T, url string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}
