package http

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/internal/web"
	"github.com/eipd/eipd/eip/testmessage"
)

func init() { adapter.Add("http", func() any { return New() }) }

// An Adapter takes requests as messages, asks for what is new, and makes requests of
// messages.
type Adapter struct {
	// Source: the address to listen on, HOST:PORT. Adapters with different paths may
	// share one. Without it, a source asks url.
	Listen string `flow:"listen"`
	// Source: the path that requests go to. One that ends in `/` takes everything
	// below it too.
	Path string `flow:"path"`
	// Where requests go, an http or https URL.
	URL string `flow:"url"`
	// Source: the time between two requests for url. Each answer that is new is a
	// message.
	Every time.Duration `flow:"every"`
	// The requests' method. As a source, others are answered 405; url is asked by GET.
	Method string `flow:"method"`
	// Headers of each request for url.
	Headers map[string]string `flow:"headers"`
	// How long one request may take. As a source, a message that is not settled by
	// then is answered 504, and is worked on all the same.
	Timeout time.Duration `flow:"timeout"`
	// The longest body that is taken, of a request or of the answer to one.
	MaxBody eip.Bytes `flow:"max_body"`
	// Source: how many requests are worked on at once. More are answered 503.
	MaxRequests int `flow:"max_requests"`
	// Source: the hosts that requests may name, without a port; "*" for any. On a
	// loopback address these are served besides its own names. On others, without
	// this, any host is.
	Hosts []string `flow:"hosts"`
	// Source: the origins whose pages may send requests by their visitors' browsers, as
	// in "https://shop.example"; "*" for any. Without it, only pages of the same origin.
	Origins []string `flow:"origins"`
	// Sink: what is computed for each message.
	PerMessage *PerMessage `flow:"per_message,block"`
	testmessage.Option
}

// New makes an Adapter for POST requests.
func New() *Adapter {
	return &Adapter{Option: testmessage.Default, Path: "/", Method: http.MethodPost, Timeout: 30 * time.Second, MaxBody: 1 << 20, MaxRequests: 1000}
}

// Validate checks the options that count in either role.
func (a *Adapter) Validate() error {
	var method error
	if !validMethod(a.Method) {
		method = eip.OptionErrorf("method", "%q is no HTTP method; write POST, PUT, GET …", a.Method)
	}
	var timeout error
	if a.Timeout <= 0 {
		timeout = eip.OptionErrorf("timeout", "%v is no time to wait; it must be more than 0", a.Timeout)
	}
	return errors.Join(method, timeout, stream.CheckMaxBody(a.MaxBody))
}

func validMethod(method string) bool {
	return method != "" && len(method) <= 40 && strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// Claim is the method, address and path whose requests a source takes.
func (a *Adapter) Claim() string {
	if _, port, err := net.SplitHostPort(a.Listen); err != nil || port == "0" {
		return "" // each source gets a port of its own
	}
	return a.Method + " " + a.Listen + a.Path
}

// CheckSource checks the options of a source.
func (a *Adapter) CheckSource() error {
	switch _, port, err := net.SplitHostPort(a.Listen); {
	case a.PerMessage != nil:
		return eip.OptionErrorf("per_message", "it is for sending")
	case a.Every > 0 && a.Listen != "":
		return eip.OptionErrorf("every", "it is for asking url; a source that listens is asked")
	case a.Every > 0:
		return errors.Join(a.checkURL(), a.checkHeaders(), a.checkOpen())
	case a.Listen == "":
		return eip.OptionErrorf("listen", `it is missing; say where to listen, as in "127.0.0.1:8088", or how often to ask url, as in every = "1m"`)
	case err != nil:
		return eip.OptionErrorf("listen", `%q is no HOST:PORT, as in "127.0.0.1:8088"`, a.Listen)
	default:
		if _, err := net.LookupPort("tcp", port); err != nil {
			return eip.OptionErrorf("listen", "%q has no valid port: it is a number from 0 to 65535", a.Listen)
		}
	}
	switch {
	case !strings.HasPrefix(a.Path, "/"):
		return eip.OptionErrorf("path", "%q does not begin with /", a.Path)
	case strings.ContainsAny(a.Path, "?#{}"):
		return eip.OptionErrorf("path", "%q has one of ? # { }; a path is plain text", a.Path)
	case a.MaxRequests < 1:
		return eip.OptionErrorf("max_requests", "%d is less than 1", a.MaxRequests)
	case a.URL != "":
		return eip.OptionErrorf("url", "it is for sending; a source listens")
	case len(a.Headers) > 0:
		return eip.OptionErrorf("headers", "they are for sending; a source gives each request's headers to its message")
	}
	for _, h := range a.Hosts {
		if err := web.CheckHost(h); err != nil {
			return eip.OptionErrorf("hosts", "%w", err)
		}
	}
	for _, o := range a.Origins {
		if err := web.CheckOrigin(o); err != nil {
			return eip.OptionErrorf("origins", "%w", err)
		}
	}
	return nil
}

// CheckSink checks the options of a sink.
func (a *Adapter) CheckSink() error {
	if a.Every > 0 {
		return eip.OptionErrorf("every", "it is for receiving; a sink sends when there is a message")
	}
	if p := a.PerMessage; p == nil || p.URL == nil {
		if err := a.checkURL(); err != nil {
			return err
		}
	} else if a.URL != "" {
		return eip.OptionErrorf("url", "per_message computes it already")
	}
	if a.Listen != "" {
		return eip.OptionErrorf("listen", "it is for receiving; a sink sends to url")
	}
	return errors.Join(a.checkOpen(), a.checkHeaders())
}

func (a *Adapter) checkURL() error {
	if a.URL == "" {
		return eip.OptionErrorf("url", `it is missing; say where to send to, as in "https://example.org/orders"`)
	}
	u, err := url.Parse(a.URL)
	switch {
	case err != nil: // the text may hold a password, so it is not repeated
		return eip.OptionErrorf("url", `it is no URL, as in "https://example.org/orders"`)
	case u.Scheme != "http" && u.Scheme != "https":
		return eip.OptionErrorf("url", `it begins with neither "http://" nor "https://"`)
	case u.Host == "":
		return eip.OptionErrorf("url", "it names no host")
	}
	return nil
}

// checkOpen checks that nothing is said that only a listening source has.
func (a *Adapter) checkOpen() error {
	switch {
	case len(a.Hosts) > 0:
		return eip.OptionErrorf("hosts", "it is for listening, and this adapter asks url")
	case len(a.Origins) > 0:
		return eip.OptionErrorf("origins", "it is for listening, and this adapter asks url")
	}
	return nil
}

func (a *Adapter) checkHeaders() error {
	for name, value := range a.Headers {
		if !validName(name) {
			return eip.OptionErrorf("headers", "%q is no name of an HTTP header", name)
		}
		if !validField(value) {
			return eip.OptionErrorf("headers", "the value of %s has a line break or another control character", name)
		}
	}
	return nil
}

// validName reports whether a text can be the name of an HTTP header.
func validName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// validField reports whether a text can be the value of an HTTP header.
func validField(value string) bool {
	return !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// OpenSource listens, or asks url. Requests are accepted from its return on, and wait
// for the flow.
func (a *Adapter) OpenSource(_ context.Context, env *adapter.Env) (adapter.Source, error) {
	if err := errors.Join(a.Validate(), a.CheckSource()); err != nil {
		return nil, err
	}
	if a.Every > 0 {
		return openPollSource(a, env)
	}
	return openRequestSource(a, env)
}

// OpenSink makes a client. It connects when there is something to send.
func (a *Adapter) OpenSink(_ context.Context, _ *adapter.Env) (adapter.Sink, error) {
	if err := errors.Join(a.Validate(), a.CheckSink()); err != nil {
		return nil, err
	}
	return openSink(a), nil
}
