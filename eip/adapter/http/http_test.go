package http_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	httpadapter "github.com/eipd/eipd/eip/adapter/http"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/internal/keeper"
)

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + keeper.FreePort(t)
}

// client keeps no connections, and follows nothing.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post returns the status and body of the answer; 0 where there was none.
func post(ctx context.Context, url, body string) (int, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	response, body, err := do(request)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, body
}

func do(request *http.Request) (*http.Response, string, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response, string(b), err
}

// gateway is an open HTTP source.
type gateway struct {
	adapter.Source
	url string
}

// listen opens an HTTP source that is changed by edit.
func listen(t *testing.T, edit func(*httpadapter.Adapter)) *gateway {
	t.Helper()
	a := httpadapter.New()
	a.Listen = freeAddress(t)
	if edit != nil {
		edit(a)
	}
	s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
	t.Cleanup(func() { adaptertest.Close(t, s) })
	return &gateway{s, "http://" + a.Listen + a.Path}
}

// serve has a flow without dead letters hand each message to h, until the test
// ends or stop is called.
func (g *gateway) serve(t *testing.T, h eip.HandlerFunc) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f := &eip.Flow{Name: "f", Source: g, To: h, Concurrency: 2, Retry: eip.Retry{Attempts: 1}, Grace: time.Millisecond}
		_ = f.Run(ctx) // messages that are left are what some tests want
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func TestHTTP_Answers(t *testing.T) {
	replies := func(reply *eip.Message, then error) eip.HandlerFunc {
		return func(ctx context.Context, m *eip.Message) error {
			if err := m.Reply(ctx, reply); err != nil {
				return err
			}
			return then
		}
	}
	returns := func(err error) eip.HandlerFunc {
		return func(context.Context, *eip.Message) error { return err }
	}
	typed := eiptest.Message(`<a/>`).With(func(m *eip.Message) { m.ContentType = "application/xml" })
	tests := map[string]struct {
		handler                 eip.HandlerFunc
		status                  int
		answer, contentType     string
		retryAfter, nothingSaid bool
	}{
		"settled":       {handler: returns(nil), status: 202},
		"failed":        {handler: returns(errors.New("secret")), status: 500, answer: "the message failed\n"},
		"permanent":     {handler: returns(eip.Permanent(errors.New("secret"))), status: 500, answer: "the message failed\n"},
		"invalid":       {handler: returns(eip.Invalid(errors.New("secret"))), status: 422, answer: "the message cannot be understood\n"},
		"reply":         {handler: replies(typed, nil), status: 200, answer: "<a/>", contentType: "application/xml"},
		"text reply":    {handler: replies(eiptest.Message("a<b"), nil), status: 200, answer: "a<b", contentType: "text/plain; charset=utf-8"},
		"JSON reply":    {handler: replies(eiptest.Message(`{"a":1}`), nil), status: 200, answer: `{"a":1}`, contentType: "application/json"},
		"binary reply":  {handler: replies(eiptest.Message("\xff"), nil), status: 200, answer: "\xff", contentType: "application/octet-stream"},
		"status":        {handler: replies(typed.WithHeader("http_status", 404), nil), status: 404, answer: "<a/>"},
		"text status":   {handler: replies(typed.WithHeader("http_status", "409"), nil), status: 409, answer: "<a/>"},
		"reply, failed": {handler: replies(typed, errors.New("later")), status: 200, answer: "<a/>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := listen(t, nil)
			g.serve(t, tt.handler)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			response, body, err := do(request)
			if err != nil || response.StatusCode != tt.status || body != tt.answer {
				t.Fatalf("answered %v %q, %v; want %d %q", response, body, err, tt.status, tt.answer)
			}
			if got := response.Header.Get("Content-Type"); tt.contentType != "" && got != tt.contentType {
				t.Errorf("content type %q, want %q", got, tt.contentType)
			}
		})
	}
}

func TestHTTP_Message(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.Path = "/orders/" })
	got := make(chan *eip.Message, 1)
	g.serve(t, func(_ context.Context, m *eip.Message) error {
		got <- m
		return nil
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"new%20one?a=1&b=2&b=3", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{
		"Content-Type": {"text/csv"}, "Content-Encoding": {"zip"}, "X-Trace": {"1", "2"}, "User-Agent": {"test"},
		"Authorization": {"Bearer secret"}, "Cookie": {"secret=1"}, "Proxy-Authorization": {"secret"}, "Query": {"forged"}, "Path": {"forged"},
		"Eip-Reason": {"forged"}, "EIP-Test": {"forged"}, "eIp-anything": {"forged"}, "Connection": {"x-hop"}, "X-Hop": {"1"},
	}
	if response, body, err := do(request); err != nil || response.StatusCode != 202 {
		t.Fatalf("answered %v %q, %v", response, body, err)
	}
	m := <-got
	delete(m.Headers, "accept-encoding") // the client's own
	want := eip.Headers{"x-trace": "1, 2", "user-agent": "test", "path": "/orders/new one",
		"query": eip.Headers{"a": "1", "b": []any{"2", "3"}}}
	if !reflect.DeepEqual(m.Headers, want) {
		t.Errorf("headers %#v, want %#v", m.Headers, want)
	}
	if string(m.Body()) != "body" || m.ContentType != "text/csv" || m.Encoding != "zip" || m.Timestamp.IsZero() {
		t.Errorf("body %q, %+v", m.Body(), m)
	}
}

func TestHTTP_Refuses(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.Path, a.MaxBody = "/orders", 5 })
	g.serve(t, func(context.Context, *eip.Message) error { return nil })
	base := strings.TrimSuffix(g.url, "/orders")
	unsized := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) }
	tests := map[string]struct {
		method, url string
		body        io.Reader
		status      int
		allow       string
	}{
		"fits":              {"POST", g.url, strings.NewReader("12345"), 202, ""},
		"too large":         {"POST", g.url, strings.NewReader("123456"), 413, ""},
		"too large in time": {"POST", g.url, unsized("123456"), 413, ""},
		"no size":           {"POST", g.url, unsized("12345"), 202, ""},
		"GET":               {"GET", g.url, nil, 405, "POST"},
		"HEAD":              {"HEAD", g.url, nil, 405, "POST"},
		"PUT":               {"PUT", g.url, strings.NewReader("1"), 405, "POST"},
		"elsewhere":         {"POST", base + "/other", nil, 404, ""},
		"below":             {"POST", g.url + "/1", nil, 404, ""},
		"root":              {"POST", base, nil, 404, ""},
		"odd separator":     {"POST", g.url + "?a=x;y", nil, 400, ""},
		"odd escape":        {"POST", g.url + "?a=1&b=%zz", nil, 400, ""},
		"half an escape":    {"POST", g.url + "?a=%", nil, 400, ""},
		"escaped":           {"POST", g.url + "?a=x%3By&b&=", nil, 202, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			response, body, err := do(request)
			if err != nil || response.StatusCode != tt.status || response.Header.Get("Allow") != tt.allow {
				t.Errorf("answered %v %q, %v; want %d", response, body, err, tt.status)
			}
		})
	}
}

// Adapters share an address; each path and method is one's alone, and the address
// is free again when the last has closed.
func TestHTTP_ShareAnAddress(t *testing.T) {
	address := freeAddress(t)
	open := func(method, path string) (adapter.Source, error) {
		a := httpadapter.New()
		a.Listen, a.Method, a.Path = address, method, path
		return a.OpenSource(t.Context(), eiptest.AdapterEnv())
	}
	for range 2 {
		var all []adapter.Source
		for _, route := range []string{"POST /", "POST /a", "PUT /a", "POST /a/b/"} {
			method, path, _ := strings.Cut(route, " ")
			s, err := open(method, path)
			if err != nil {
				t.Fatalf("%s: %v", route, err)
			}
			all = append(all, s)
			g := &gateway{s, ""}
			g.serve(t, func(ctx context.Context, m *eip.Message) error { return m.Reply(ctx, eiptest.Message(route)) })
		}
		if _, err := open("POST", "/a"); err == nil || !strings.Contains(err.Error(), "taken by test.in already") {
			t.Errorf("a path was opened twice: %v", err)
		}
		for path, want := range map[string]string{"/": "POST /", "/x/y": "POST /", "/a": "POST /a", "/a/b": "POST /", "/a/b/": "POST /a/b/", "/a/b/c": "POST /a/b/"} {
			if status, answer := post(t.Context(), "http://"+address+path, ""); status != 200 || answer != want {
				t.Errorf("POST %s answered %d %q, want %q", path, status, answer, want)
			}
		}
		adaptertest.Close(t, all[1])
		if status, _ := post(t.Context(), "http://"+address+"/a", ""); status != 405 {
			t.Errorf("a path that was closed answered %d", status)
		}
		for _, s := range all {
			adaptertest.Close(t, s)
		}
		if status, _ := post(t.Context(), "http://"+address+"/", ""); status != 0 {
			t.Errorf("an address that nobody needs answered %d", status)
		}
	}
}

func TestHTTP_AddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := httpadapter.New()
	a.Listen = l.Addr().String()
	if _, err := a.OpenSource(t.Context(), eiptest.AdapterEnv()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened: %v", err)
	}
}

// More requests than the flow takes wait, and those beyond are told to come later.
func TestHTTP_Overload(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.MaxRequests, a.Timeout = 2, time.Hour })
	answers := make(chan string, 3)
	for range 3 {
		go func() {
			status, answer := post(t.Context(), g.url, "x")
			answers <- fmt.Sprint(status, " ", answer)
		}()
	}
	if got := <-answers; got != "503 too many requests are being worked on\n" {
		t.Errorf("answered %q", got)
	}
	for range 2 {
		m, err := g.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
		if got := <-answers; got != "202 " {
			t.Errorf("what waited is answered %q", got)
		}
	}
}

// Who waits for longer than the timeout is told why: nobody took his message, or it is not
// settled.
func TestHTTP_Timeout(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.Timeout = 200 * time.Millisecond })
	if status, answer := post(t.Context(), g.url, "x"); status != 503 || answer != "the flow is busy\n" {
		t.Errorf("answered %d %q", status, answer)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var taken []*eip.Message
	var taking sync.WaitGroup
	taking.Go(func() {
		for {
			m, err := g.Receive(ctx)
			if err != nil {
				return
			}
			taken = append(taken, m) // it is never settled
		}
	})
	for status, answer := 503, "the flow is busy\n"; status != 504; { // a busy machine may not take it in time either
		if status != 503 || answer != "the flow is busy\n" {
			t.Fatalf("answered %d %q", status, answer)
		}
		if status, answer = post(t.Context(), g.url, "x"); status == 504 && answer != "the message was taken, but is not settled yet\n" {
			t.Errorf("answered %q", answer)
		}
	}
	cancel()
	taking.Wait()
	for _, m := range taken {
		eip.Deliver(t.Context(), eip.Discard, m) // nobody is there any more
	}
}

// A flow that stops answers what waits at once.
func TestHTTP_Stops(t *testing.T) {
	g := listen(t, nil)
	started := make(chan struct{})
	stop := g.serve(t, func(ctx context.Context, _ *eip.Message) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	})
	answers := make(chan string, 2)
	ask := func() {
		status, answer := post(t.Context(), g.url, "x")
		answers <- fmt.Sprint(status, " ", answer)
	}
	go ask()
	<-started
	stop()
	if got := <-answers; got != "503 the flow has stopped before the message was settled\n" {
		t.Errorf("what was under way was answered %q", got)
	}
	ask()
	if got := <-answers; got != "503 the flow is stopping\n" {
		t.Errorf("what came later was answered %q", got)
	}
	g.serve(t, func(context.Context, *eip.Message) error { return nil })
	if ask(); <-answers != "202 " {
		t.Error("a flow that was started again does not take messages")
	}
}

func TestHTTP_CloseAnswersWhatIsUnsettled(t *testing.T) {
	g := listen(t, nil)
	answer := make(chan int, 1)
	go func() {
		status, _ := post(t.Context(), g.url, "x")
		answer <- status
	}()
	m, err := g.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	adaptertest.Close(t, g)
	if status := <-answer; status != 503 {
		t.Errorf("answered %d", status)
	}
	eip.Deliver(t.Context(), eip.Discard, m)
}

// A client that goes away does not take its message with it.
func TestHTTP_ClientGone(t *testing.T) {
	g := listen(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		post(ctx, g.url, "x")
	}()
	m, err := g.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
	if err := m.Reply(t.Context(), eiptest.Message("too late")); err != nil {
		t.Errorf("reply: %v", err)
	}
	if err := m.Reply(t.Context(), eiptest.Message("and again")); err != nil {
		t.Errorf("second reply: %v", err)
	}
	eip.Deliver(t.Context(), eip.Discard, m)
}

func TestHTTP_SlowBody(t *testing.T) {
	g := listen(t, func(a *httpadapter.Adapter) { a.Timeout = 50 * time.Millisecond })
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(g.url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
		t.Errorf("answered %q, %v", answer, err)
	}
}

var noText eip.Text = func(context.Context, *eip.Message) (string, error) { return "", nil }

func TestHTTP_Validate(t *testing.T) {
	tests := map[string]struct {
		edit         func(*httpadapter.Adapter)
		source, sink string
	}{
		"source":       {func(a *httpadapter.Adapter) { a.Listen = "127.0.0.1:8088" }, "", "url"},
		"port name":    {func(a *httpadapter.Adapter) { a.Listen = ":http" }, "", "url"},
		"sink":         {func(a *httpadapter.Adapter) { a.URL = "https://example.org/a?b=c" }, "listen", ""},
		"both":         {func(a *httpadapter.Adapter) { a.Listen, a.URL = ":1", "http://x" }, "url", "listen"},
		"nothing":      {func(*httpadapter.Adapter) {}, "listen", "url"},
		"no port":      {func(a *httpadapter.Adapter) { a.Listen = "localhost" }, "listen", "url"},
		"odd port":     {func(a *httpadapter.Adapter) { a.Listen = "localhost:99999" }, "listen", "url"},
		"path":         {func(a *httpadapter.Adapter) { a.Listen, a.Path = ":1", "orders" }, "path", "url"},
		"pattern":      {func(a *httpadapter.Adapter) { a.Listen, a.Path = ":1", "/orders/{id}" }, "path", "url"},
		"requests":     {func(a *httpadapter.Adapter) { a.Listen, a.MaxRequests = ":1", 0 }, "max_requests", "url"},
		"headers":      {func(a *httpadapter.Adapter) { a.Listen, a.Headers = ":1", map[string]string{"a": "b"} }, "headers", "url"},
		"hosts":        {func(a *httpadapter.Adapter) { a.Listen, a.Hosts = ":1", []string{"shop.example", "*"} }, "", "url"},
		"host":         {func(a *httpadapter.Adapter) { a.Listen, a.Hosts = ":1", []string{"shop.example:80"} }, "hosts", "url"},
		"sink's hosts": {func(a *httpadapter.Adapter) { a.URL, a.Hosts = "http://a", []string{"a"} }, "listen", "hosts"},
		"origins":      {func(a *httpadapter.Adapter) { a.Listen, a.Origins = ":1", []string{"https://a"} }, "", "url"},
		"origin":       {func(a *httpadapter.Adapter) { a.Listen, a.Origins = ":1", []string{"a.example"} }, "origins", "url"},
		"their sink":   {func(a *httpadapter.Adapter) { a.URL, a.Origins = "http://a", []string{"https://a"} }, "listen", "origins"},
		"poll": {func(a *httpadapter.Adapter) {
			a.URL, a.Every, a.Headers = "http://a", time.Second, map[string]string{"a": "b"}
		}, "", "every"},
		"poll listens": {func(a *httpadapter.Adapter) { a.URL, a.Listen, a.Every = "http://a", ":1", time.Second }, "every", "every"},
		"poll nothing": {func(a *httpadapter.Adapter) { a.Every = time.Second }, "url", "every"},
		"poll hosts":   {func(a *httpadapter.Adapter) { a.URL, a.Every, a.Hosts = "http://a", time.Second, []string{"a"} }, "hosts", "every"},
		"per message": {func(a *httpadapter.Adapter) {
			a.PerMessage = &httpadapter.PerMessage{URL: noText, Allow: []string{"a"}}
		}, "per_message", ""},
		"two URLs": {func(a *httpadapter.Adapter) {
			a.URL, a.PerMessage = "http://a", &httpadapter.PerMessage{URL: noText, Allow: []string{"a"}}
		}, "per_message", "url"},
		"no URL at all": {func(a *httpadapter.Adapter) { a.PerMessage = &httpadapter.PerMessage{} }, "per_message", "url"},
		"scheme":        {func(a *httpadapter.Adapter) { a.URL = "ftp://example.org" }, "listen", "url"},
		"no host":       {func(a *httpadapter.Adapter) { a.URL = "http:///a" }, "listen", "url"},
		"no URL":        {func(a *httpadapter.Adapter) { a.URL = "http://a b" }, "listen", "url"},
		"header name":   {func(a *httpadapter.Adapter) { a.URL, a.Headers = "http://a", map[string]string{"a b": "c"} }, "listen", "headers"},
		"header value":  {func(a *httpadapter.Adapter) { a.URL, a.Headers = "http://a", map[string]string{"a": "c\r\nd: e"} }, "listen", "headers"},
		"method":        {func(a *httpadapter.Adapter) { a.Listen, a.Method = ":1", "post" }, "method", "method"},
		"timeout":       {func(a *httpadapter.Adapter) { a.URL, a.Timeout = "http://a", 0 }, "timeout", "timeout"},
	}
	for name, tt := range tests {
		a := httpadapter.New()
		tt.edit(a)
		if got := adaptertest.Blames(errors.Join(a.Validate(), a.CheckSource())); got != tt.source {
			t.Errorf("%s: as source blames %q, want %q", name, got, tt.source)
		}
		if got := adaptertest.Blames(errors.Join(a.Validate(), a.CheckSink())); got != tt.sink {
			t.Errorf("%s: as sink blames %q, want %q", name, got, tt.sink)
		}
	}
}

// What a browser sends for a page of another site makes no message.
func TestHTTP_OtherSites(t *testing.T) {
	for _, method := range []string{"POST", "GET", "PUT"} {
		var took atomic.Int32
		g := listen(t, func(a *httpadapter.Adapter) {
			a.Method, a.Hosts, a.Origins = method, []string{"shop.example"}, []string{"https://shop.example"}
		})
		g.serve(t, func(context.Context, *eip.Message) error { took.Add(1); return nil })
		ask := func(host string, headers ...string) int {
			r, err := http.NewRequestWithContext(t.Context(), method, g.url, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("Content-Type", "text/plain")
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			response, _, err := do(r)
			if err != nil {
				t.Fatal(err)
			}
			return response.StatusCode
		}
		got := []int{
			ask("evil.example"), ask("localhost", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), ask("localhost", "Origin", "null"),
			ask("localhost"), ask("shop.example"), ask("shop.example", "Sec-Fetch-Site", "cross-site", "Origin", "https://shop.example"),
		}
		if want := []int{421, 403, 403, 202, 202, 202}; !slices.Equal(got, want) || took.Load() != 3 {
			t.Errorf("%s: answered %v, want %v; %d messages", method, got, want, took.Load())
		}
	}
}
