package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// A Client posts encoded messages to one URL.
type Client struct {
	config Config
	http   *http.Client
}

// NewClient makes a Client.
func NewClient(c Config) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS
	return &Client{c, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Shutdown gives idle connections back.
func (c *Client) Shutdown(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// The waiting time before the second attempt, which doubles with each further one.
const firstWait, longestWait = time.Second, 30 * time.Second

// send posts a message, and tries again what may pass, within the timeout.
func (c *Client) send(ctx context.Context, m message) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	body, err := c.compress(m)
	if err != nil {
		return err
	}
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		after, err := c.post(ctx, body)
		var t *temporary
		if err == nil || !errors.As(err, &t) {
			return err
		}
		if after == 0 {
			after = wait/2 + rand.N(wait/2)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < after {
			return err
		}
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return err
		}
	}
}

func (c *Client) compress(m message) ([]byte, error) {
	if !c.config.Gzip {
		return m, nil
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(m)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return b.Bytes(), nil
}

// temporary is an error that the next attempt may not have.
type temporary struct{ error }

func (t *temporary) Unwrap() error { return t.error }

// post makes one attempt. after is how long the receiver asks to be left alone.
func (c *Client) post(ctx context.Context, body []byte) (after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("User-Agent", "eipd")
	request.Header.Set("Content-Type", "application/x-protobuf")
	if c.config.Gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range c.config.Headers {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, &temporary{fmt.Errorf("send telemetry: %w", err)}
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // it is for people only
	if response.StatusCode/100 == 2 {
		return 0, nil
	}
	err = fmt.Errorf("send telemetry: %s answered %s: %.200q", request.URL.Host, response.Status, answer)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // absent is as good as 0
		return time.Duration(max(seconds, 0)) * time.Second, &temporary{err}
	}
	return 0, err
}
