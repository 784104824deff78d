package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A process whose broker is away says so, on its socket and at --http, before it is
// ready; what is more than to look is not done. It ends when it is told to.
func TestRun_SaysWhatItWaitsFor(t *testing.T) {
	const away = "127.0.0.1:1"
	dir := t.TempDir()
	write(t, dir, "flow.hcl", `
broker "far" { url = "amqp://guest:hunter2@`+away+`/" }
queue "in" { broker = broker.far }
flow "f" {
  from = queue.in
  discard {}
}
`)
	p := start(t, eipd(t, dir, "run", "flow.hcl", "--instance", "web1", "--http", "127.0.0.1:0"))
	p.says(t, " http=")
	_, at, _ := strings.Cut(p.seen[len(p.seen)-1], " http=")
	base := "http://" + strings.TrimSpace(at)
	ask := func(code int, args ...string) string {
		t.Helper()
		out, stderr, got := output(t, eipd(t, dir, args...))
		if got != code {
			t.Errorf("%v: exit code %d, %s", args, got, stderr)
		}
		return out + stderr
	}
	until(t, "it can be asked", func() bool {
		_, _, code := output(t, eipd(t, dir, "status"))
		return code == 0
	})
	until(t, "it says what it waits for", func() bool { return strings.Contains(ask(0, "status"), "web1: broker far waits: dial tcp "+away) })
	for _, says := range []string{"web1", "starting", "far amqp://guest:xxxxx@", "not connected"} {
		holds(t, ask(0, "status"), says)
	}
	holds(t, ask(0, "control", "list"), "starting, from queue.in")
	holds(t, ask(0, "control", "stats"), "f.discard")
	holds(t, ask(0, "top", "--once"), "f.discard")
	holds(t, ask(1, "control", "stop", "f"), "the process is starting, and nothing was done")

	r, err := http.Get(base + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	var h struct {
		Ready    bool
		Status   string
		Degraded []string
		Brokers  []struct{ Name, Waiting string }
	}
	if err := json.Unmarshal(body, &h); err != nil || r.StatusCode != 503 || h.Ready || h.Status != "starting" || len(h.Brokers) != 1 || h.Brokers[0].Name != "far" ||
		!strings.Contains(strings.Join(h.Degraded, "\n"), "broker far is not connected: ") || strings.Contains(string(body), "hunter2") {
		t.Errorf("/readyz: %d %s %v", r.StatusCode, body, err)
	}

	second := start(t, eipd(t, dir, "run", "flow.hcl", "--instance", "web2", "--data-dir", "two"))
	until(t, "another can be asked", func() bool {
		_, _, code := output(t, eipd(t, dir, "status", "--data-dir", "two"))
		return code == 0
	})
	second.interrupt(t)
	p.interrupt(t)
	holds(t, ask(3, "status"), "there is no such socket")
}

// What is no stage says which is meant, or that there is none yet.
func TestCheck_StagesByOtherNames(t *testing.T) {
	for name, says := range map[string]string{
		"claim_check": "There is no claim_check yet. There is aggregator,", "spliter": "Did you mean splitter?",
		"slip": "Did you mean routing_slip?", "enricher": "Did you mean content_enricher?",
		"router": "Did you mean content_router?", "content_based_router": "Did you mean content_router?", "translator": "Did you mean transform?",
		"message_filter": "Did you mean filter?", "service_activator": "Did you mean exec?", "tap": "Did you mean wire_tap?", "proxy": "Did you mean smart_proxy?",
		"filtre": "Did you mean filter?", "queue": "It stands outside of all others.", "nonsense_x": "There is aggregator,",
	} {
		dir := t.TempDir()
		write(t, dir, "f.hcl", "queue \"q\" {}\nflow \"f\" {\n  from = queue.q\n  "+name+" {}\n  discard {}\n}\n")
		if _, stderr, code := output(t, eipd(t, dir, "check", "f.hcl")); code != 1 || !strings.Contains(stderr, says) {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
	}
}
