package http_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	httpadapter "github.com/eipd/eipd/eip/adapter/http"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

// requests keeps the bodies of requests.
type requests struct {
	mu  sync.Mutex
	all []string
}

func (r *requests) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	b, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, string(b))
}

func (r *requests) bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// sendTo makes an HTTP adapter that sends to a server of its own.
func sendTo(t *testing.T, h http.Handler) *httpadapter.Adapter {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	a := httpadapter.New()
	a.URL = server.URL
	return a
}

func TestHTTP_SinkStatus(t *testing.T) {
	for status, want := range map[int]string{
		200: "", 201: "", 202: "", 204: "", 301: "fails", 302: "fails", 307: "fails", 400: "permanent", 401: "permanent", 404: "permanent",
		408: "fails", 410: "permanent", 422: "permanent", 425: "fails", 429: "fails", 500: "fails", 502: "fails", 503: "fails",
	} {
		a := sendTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			if status != 204 {
				io.WriteString(w, "because")
			}
		}))
		s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
		err := adaptertest.Send(t, s, eiptest.Message("x"))
		adaptertest.Close(t, s)
		if (err != nil) != (want != "") || eip.IsPermanent(err) != (want == "permanent") || eip.IsInvalid(err) {
			t.Errorf("%d: %v, want %q", status, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), `: "because"`) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestHTTP_SinkRequest(t *testing.T) {
	var got *http.Request
	var body string
	a := sendTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
	}))
	a.URL += "/orders?a=1"
	a.Headers = map[string]string{"X-Key": "k", "host": "other.example"}
	m := eiptest.Message("<a/>").With(func(m *eip.Message) {
		m.ContentType, m.Encoding, m.Headers = "application/xml", "gzip", eip.Headers{"X-Key": "forged", "Authorization": "forged"}
	})
	for method, want := range map[string]string{"POST": "<a/>", "PUT": "<a/>", "DELETE": "<a/>", "GET": ""} {
		a.Method = method
		s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
		if err := adaptertest.Send(t, s, m); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		adaptertest.Close(t, s)
		if got.Method != method || body != want || got.URL.String() != "/orders?a=1" || got.Host != "other.example" {
			t.Errorf("%s: %s %s of %s, body %q", method, got.Method, got.URL, got.Host, body)
		}
		if h := got.Header; h.Get("X-Key") != "k" || h.Get("Authorization") != "" || want != "" && (h.Get("Content-Type") != "application/xml" || h.Get("Content-Encoding") != "gzip") {
			t.Errorf("%s: headers %v", method, h)
		}
	}
}

func TestHTTP_SinkTraceContext(t *testing.T) {
	var got http.Header
	a := sendTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	a.Headers = map[string]string{"Baggage": "own=1"}
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	m := eiptest.Message("x").WithHeaders(eip.Headers{"traceparent": "00-1-2-01", "tracestate": "a=b\r\nc: d", "baggage": "tenant=1"})
	if err := adaptertest.Send(t, s, m); err != nil {
		t.Fatal(err)
	}
	if got.Get("Traceparent") != "00-1-2-01" || got.Get("Baggage") != "own=1" || got.Get("Tracestate") != "" || got.Get("C") != "" {
		t.Errorf("the request has the headers %v", got)
	}
}

func TestHTTP_SinkOddContentType(t *testing.T) {
	s := adaptertest.OpenSink(t, sendTo(t, &requests{}), eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	m := eiptest.Message("x").With(func(m *eip.Message) { m.ContentType = "a/b\r\nX-Forged: 1" })
	if err := adaptertest.Send(t, s, m); !eip.IsInvalid(err) {
		t.Errorf("settled with %v", err)
	}
}

func TestHTTP_SinkReplies(t *testing.T) {
	a := sendTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(201)
		io.Copy(w, r.Body)
	}))
	a.MaxBody = 5
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	var r adaptertest.Replier
	if err := adaptertest.Send(t, s, eiptest.Message("12345").With(func(m *eip.Message) { m.ID = "7" }).WithReplier(&r)); err != nil {
		t.Fatal(err)
	}
	if string(r.Last.Body()) != "12345" || r.Last.ContentType != "application/json" || r.Last.Headers["http_status"] != 201 || r.Last.CorrelationID != "7" {
		t.Errorf("reply %q, %+v", r.Last.Body(), r.Last)
	}
	if err := adaptertest.Send(t, s, eiptest.Message("123456").WithReplier(&r)); !eip.IsPermanent(err) || eip.IsInvalid(err) {
		t.Errorf("a reply that is too large: %v", err)
	}
	if err := adaptertest.Send(t, s, eiptest.Message("123456")); err != nil {
		t.Errorf("an answer that nobody wants is too large: %v", err)
	}
}

func TestHTTP_SinkTimeout(t *testing.T) {
	hang := make(chan struct{})
	a := sendTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer close(hang)
	a.Timeout = 50 * time.Millisecond
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	if err := adaptertest.Send(t, s, eiptest.Message("")); err == nil || eip.IsPermanent(err) {
		t.Errorf("settled with %v", err)
	}
	a.Timeout = time.Hour
	patient := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, patient)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	var settled error
	eip.Deliver(ctx, patient, eip.New(nil, func(err error) { settled = err }))
	if !errors.Is(settled, context.Canceled) {
		t.Errorf("settled with %v", settled)
	}
}

func TestHTTP_SinkUnreachable(t *testing.T) {
	a := httpadapter.New()
	a.URL = "http://user:secret@127.0.0.1:1"
	s := adaptertest.OpenSink(t, a, eiptest.AdapterEnv())
	defer adaptertest.Close(t, s)
	if err := adaptertest.Send(t, s, eiptest.Message("")); err == nil || eip.IsPermanent(err) || strings.Contains(err.Error(), "secret") {
		t.Errorf("settled with %v", err)
	}
}
