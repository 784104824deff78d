package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// sink makes a request of each message.
type sink struct {
	*Adapter
	client *http.Client
}

func openSink(a *Adapter) *sink { return &sink{Adapter: a, client: a.client()} }

// client is how the adapter asks others.
func (a *Adapter) client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{
		Transport: transport, Timeout: a.Timeout,
		// Where messages go is the author's word, not the other side's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// setHeaders sets the headers of the flow file.
func (a *Adapter) setHeaders(request *http.Request) {
	for name, value := range a.Headers {
		request.Header.Set(name, value)
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
		}
	}
}

// Handle sends m and waits for the answer, so that messages arrive in order. The
// answer to a message that wants a reply is the reply.
func (s *sink) Handle(ctx context.Context, m *eip.Message) error {
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
		return eip.Unavailable(fmt.Errorf("%s %s: %w", request.Method, withoutSecrets(request.URL), err), 0)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(s.MaxBody)+1))
	if code := response.StatusCode; code < 200 || code > 299 {
		return refused(request, response, body)
	}
	switch replier := m.Replier(); {
	case err != nil:
		return fmt.Errorf("read answer of %s: %w", withoutSecrets(request.URL), err)
	case replier == nil:
		return nil
	case len(body) > int(s.MaxBody): // trying again would do the request again
		return eip.Permanent(fmt.Errorf("read answer of %s: it is larger than max_body, which is %v", withoutSecrets(request.URL), s.MaxBody))
	}
	reply := eip.New(body, nil)
	reply.ContentType, reply.Encoding = response.Header.Get("Content-Type"), response.Header.Get("Content-Encoding")
	reply.Headers = eip.Headers{header.Status: response.StatusCode}
	return m.Reply(ctx, reply)
}

func (s *sink) request(ctx context.Context, m *eip.Message) (*http.Request, error) {
	method, to, err := s.target(ctx, m)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if method != http.MethodGet && method != http.MethodHead {
		body = bytes.NewReader(m.Body())
	}
	request, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return nil, errors.New("make request: the method or the URL is none") // which may be secret
	}
	request.Header.Set("User-Agent", "eipd")
	// Without a value it is not sent, and says that the transport may repeat a request
	// that a connection took with it which the server had closed meanwhile.
	request.Header["Idempotency-Key"] = nil
	if body != nil {
		for name, value := range map[string]string{"Content-Type": withCharset(m.ContentType, m), "Content-Encoding": codingOf(m)} {
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
	if s.PerMessage != nil {
		if err := s.PerMessage.setHeaders(ctx, m, request.Header); err != nil {
			return nil, err
		}
	}
	s.setHeaders(request)
	return request, nil
}

// traceContext are the headers of a message that go with its request, so that
// traces do not break off there: those of the W3C's Trace Context and Baggage.
var traceContext = []string{"traceparent", "tracestate", "baggage"}

// refused is the failure of an answer that is not 2xx, with how its body begins.
func refused(request *http.Request, response *http.Response, body []byte) error {
	code := response.StatusCode
	err := fmt.Errorf("%s %s: answered %d %s: %.200q", request.Method, withoutSecrets(request.URL), code, http.StatusText(code), body)
	switch code {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return eip.Unavailable(err, retryAfter(response.Header.Get("Retry-After")))
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusBadGateway, http.StatusGatewayTimeout:
		return eip.Unavailable(err, 0)
	}
	if code >= 400 && code <= 499 {
		return eip.Permanent(err)
	}
	return err
}

// withoutSecrets is a URL as errors name it: its query, fragment and user may be secret.
func withoutSecrets(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// retryAfter reads a header Retry-After: seconds, or a date. What is neither says
// nothing.
func retryAfter(text string) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 63); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(n, uint64(24*time.Hour/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// Close gives idle connections back.
func (s *sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
