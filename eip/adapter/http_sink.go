package adapter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/eipd/eipd/eip"
)

// httpSink makes a request of each message.
type httpSink struct {
	*HTTP
	client *http.Client
}

func openHTTPSink(a *HTTP) *httpSink {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.MaxResponseHeaderBytes = 64 << 10
	return &httpSink{HTTP: a, client: &http.Client{
		Transport: transport, Timeout: a.Timeout,
		// Where messages go is the author's word, not the other side's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Handle sends m and waits for the answer, so that messages arrive in order. The
// answer to a message that wants a reply is the reply.
func (s *httpSink) Handle(ctx context.Context, m *eip.Message) error {
	request, err := s.request(ctx, m)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		var of *url.Error // it repeats the URL
		if errors.As(err, &of) {
			err = of.Err
		}
		return fmt.Errorf("%s %s: %w", s.Method, place(request.URL), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(s.MaxBody)+1))
	if code := response.StatusCode; code < 200 || code > 299 {
		return refused(s.Method, request, code, body)
	}
	switch replier := m.Replier(); {
	case err != nil:
		return fmt.Errorf("read answer of %s: %w", place(request.URL), err)
	case replier == nil:
		return nil
	case len(body) > int(s.MaxBody): // trying again would do the request again
		return eip.Permanent(fmt.Errorf("read answer of %s: it is larger than max_body, which is %v", place(request.URL), s.MaxBody))
	}
	reply := eip.New(body, nil)
	reply.ContentType, reply.Encoding = response.Header.Get("Content-Type"), response.Header.Get("Content-Encoding")
	reply.Headers = eip.Headers{headerStatus: response.StatusCode}
	return m.Reply(ctx, reply)
}

func (s *httpSink) request(ctx context.Context, m *eip.Message) (*http.Request, error) {
	var body io.Reader
	if s.Method != http.MethodGet && s.Method != http.MethodHead {
		body = bytes.NewReader(m.Body())
	}
	request, err := http.NewRequestWithContext(ctx, s.Method, s.URL, body)
	if err != nil {
		return nil, errors.New("make request: the method or the URL is none") // which may be secret
	}
	request.Header.Set("User-Agent", "eipd")
	if body != nil {
		for name, value := range map[string]string{"Content-Type": m.ContentType, "Content-Encoding": m.Encoding} {
			if !validField(value) {
				return nil, eip.Invalid(fmt.Errorf("make request: the message's %s %.40q is none", name, value))
			}
			if value != "" {
				request.Header.Set(name, value)
			}
		}
	}
	for _, name := range traceContext {
		if value, ok := m.Headers[name].(string); ok && value != "" && validField(value) {
			request.Header.Set(name, value)
		}
	}
	for name, value := range s.Headers {
		request.Header.Set(name, value)
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
		}
	}
	return request, nil
}

// traceContext are the headers of a message that go with its request, so that
// traces do not break off there: those of the W3C's Trace Context and Baggage.
var traceContext = []string{"traceparent", "tracestate", "baggage"}

// refused is the failure of an answer that is not 2xx, with how its body begins.
func refused(method string, request *http.Request, code int, body []byte) error {
	err := fmt.Errorf("%s %s: answered %d %s: %.200q", method, place(request.URL), code, http.StatusText(code), body)
	switch {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return err
	case code >= 400 && code <= 499:
		return eip.Permanent(err)
	}
	return err
}

// place is a URL as errors name it: its query, fragment and user may be secret.
func place(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// Close gives idle connections back.
func (s *httpSink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
