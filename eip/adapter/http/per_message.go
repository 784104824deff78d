package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/eipd/eipd/eip"
)

// PerMessage is what of an HTTP request is computed for each message.
type PerMessage struct {
	// Where the request goes, in place of the adapter's url: an http or https URL whose
	// host is one of allow.
	URL eip.Text `flow:"url"`
	// The hosts that url may name: HOST or HOST:PORT, as in "shop.example"; with a
	// scheme before it, as in "https://shop.example", only by that one.
	Allow []string `flow:"allow"`
	// The request's method.
	Method eip.Text `flow:"method"`
	// Headers of the request by their names, besides the adapter's headers. One that
	// gives nil is left out.
	Headers map[string]eip.Value `flow:"headers"`
}

// Destination gives the URL that a message is sent to, which is one of those allowed.
func (a *Adapter) Destination() (eip.Text, error) {
	return func(ctx context.Context, m *eip.Message) (string, error) {
		_, to, err := a.target(ctx, m)
		return to, err
	}, nil
}

// Validate checks the options.
func (p *PerMessage) Validate() error {
	if (p.URL != nil) != (len(p.Allow) > 0) {
		return eip.OptionErrorf("allow", "it names the hosts that url may name; neither is of use without the other")
	}
	for _, a := range p.Allow {
		scheme, host := schemeAndHost(a)
		u, err := url.Parse("https://" + host)
		if err != nil || u.Host != host || host == "" || scheme != "" && scheme != "http" && scheme != "https" {
			return eip.OptionErrorf("allow", `%q is no host, as in "shop.example" or "https://shop.example:8443"`, a)
		}
	}
	for name := range p.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			return eip.OptionErrorf("headers", "the host is the URL's")
		}
		if !validName(name) {
			return eip.OptionErrorf("headers", "%q is no name of an HTTP header", name)
		}
	}
	return nil
}

func schemeAndHost(allowed string) (scheme, host string) {
	if scheme, host, ok := strings.Cut(allowed, "://"); ok {
		return scheme, host
	}
	return "", allowed
}

// target computes the method and URL of m's request. What a message makes of them
// and may not is its own fault.
func (a *Adapter) target(ctx context.Context, m *eip.Message) (method, to string, err error) {
	method, to = a.Method, a.URL
	p := a.PerMessage
	if p == nil {
		return method, to, nil
	}
	if p.Method != nil {
		if method, err = p.Method(ctx, m); err != nil {
			return "", "", fmt.Errorf("method: %w", err)
		}
		if !validMethod(method) {
			return "", "", eip.Invalid(fmt.Errorf("method: %.40q is no HTTP method", method))
		}
	}
	if p.URL != nil {
		if to, err = p.URL(ctx, m); err != nil {
			return "", "", fmt.Errorf("url: %w", err)
		}
		if err := p.allowed(to); err != nil {
			return "", "", eip.Invalid(fmt.Errorf("url: %w", err))
		}
	}
	return method, to, nil
}

// allowed says what is wrong with a URL. It does not repeat it, as it may hold
// secrets.
func (p *PerMessage) allowed(to string) error {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("it is no http or https URL")
	}
	if u.User != nil {
		return errors.New("it holds credentials")
	}
	for _, a := range p.Allow {
		if scheme, host := schemeAndHost(a); (scheme == "" || scheme == u.Scheme) && withPort(host, u.Scheme) == withPort(u.Host, u.Scheme) {
			return nil
		}
	}
	return fmt.Errorf("%s://%.100s is not allowed; it must be one of %s", u.Scheme, u.Host, strings.Join(p.Allow, ", "))
}

func withPort(host, scheme string) string {
	u := url.URL{Host: strings.ToLower(host)}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return u.Hostname() + ":" + port
}

// setHeaders sets what is computed of m.
func (p *PerMessage) setHeaders(ctx context.Context, m *eip.Message, h http.Header) error {
	for name, compute := range p.Headers {
		v, err := compute(ctx, m)
		if err != nil {
			return fmt.Errorf("headers.%s: %w", name, err)
		}
		switch v := v.(type) {
		case nil:
			continue
		case []any, map[string]any, eip.Headers:
			return eip.Invalid(fmt.Errorf("headers.%s: a header is text, and this is a list or a map", name))
		case []byte:
			h.Set(name, string(v))
		default:
			h.Set(name, fmt.Sprint(v))
		}
		if !validField(h.Get(name)) {
			return eip.Invalid(fmt.Errorf("headers.%s: the value has a line break or another control character", name))
		}
	}
	return nil
}
