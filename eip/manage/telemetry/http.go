package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/eipd/eipd/eip/internal/web"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/telemetry/internal/exposition"
)

// scrape answers Prometheus.
type scrape struct{ reader *metric.ManualReader }

func (s scrape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var all metricdata.ResourceMetrics
	if err := s.reader.Collect(r.Context(), &all); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", exposition.ContentType)
	_ = exposition.Write(w, &all) // nobody else is to be told
}

// State is what a process does as a whole.
type State string

// The states of a process.
const (
	Starting State = "starting"
	Running  State = "running"
	Stopping State = "stopping"
)

// Health is the answer to whether a process is ready.
type Health struct {
	Ready  bool  `json:"ready"`
	Status State `json:"status"`
	// Degraded says what is not as it should be, whether or not the process is ready
	// all the same.
	Degraded []string       `json:"degraded,omitempty"`
	Flows    []FlowHealth   `json:"flows"`
	Brokers  []BrokerHealth `json:"brokers"`
}

// FlowHealth is what a flow does.
type FlowHealth struct {
	Name  string        `json:"name"`
	State control.State `json:"state"`
}

// BrokerHealth is how a broker does.
type BrokerHealth struct {
	Name      string `json:"name"`
	Connected bool   `json:"connected"`
	Waiting   string `json:"waiting,omitempty"`
}

// Check tells how a process does. It is ready while it runs and its brokers are
// connected. A flow that somebody has stopped is no reason to send its messages to
// another process.
func Check(state State, p Process) Health {
	h := Health{Ready: state == Running, Status: state, Flows: []FlowHealth{}, Brokers: []BrokerHealth{}}
	if state == Starting {
		h.Degraded = []string{"the flows are not up yet"}
	}
	if p == nil {
		return h
	}
	for _, f := range p.Flows() {
		s, why := control.StateOf(f)
		h.Flows = append(h.Flows, FlowHealth{f.Name(), s})
		switch {
		case why != "":
			h.Degraded = append(h.Degraded, fmt.Sprintf("flow %s is %s: %s", f.Name(), s, why))
		case s != control.Running && s != control.Starting && s != control.Standby:
			h.Degraded = append(h.Degraded, fmt.Sprintf("flow %s is %s", f.Name(), s))
		}
	}
	for _, b := range p.Brokers() {
		h.Brokers = append(h.Brokers, BrokerHealth{b.Name, b.Connected, b.Waiting})
		if !b.Connected {
			h.Ready = false
			h.Degraded = append(h.Degraded, fmt.Sprintf("broker %s is not connected: %s", b.Name, b.Waiting))
		}
	}
	return h
}

// Handler serves /metrics, /healthz, and /readyz.
func Handler(metrics http.Handler, health func() Health) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		h := health()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !h.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(h)
	})
	return mux
}

// Listen serves h at an address, HOST:PORT.
func Listen(address string, h http.Handler, log *slog.Logger) (*web.Server, error) {
	s, err := web.Listen(address, log)
	if err != nil {
		return nil, err
	}
	guard, err := s.Guard(nil, nil)
	if err != nil {
		return nil, err
	}
	s.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !guard.Refuses(w, r, false) {
			h.ServeHTTP(w, r)
		}
	}))
	return s, nil
}
