package http

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/internal/redelivery"
)

// pollSource asks a URL again and again, and makes a message of each answer that is
// new. It asks on when that message is settled.
type pollSource struct {
	*Adapter
	env     *adapter.Env
	client  *http.Client
	channel string
	next    time.Time
	known   version // that was settled last
	trouble string  // that was logged last

	latest   version    // of the message that is under way
	id       string     // of that message
	underway chan error // what became of it; nil: there is none
	failed   string     // the message that was not settled

	closing context.Context
	close   context.CancelFunc
}

// A version is what a server calls a state of its resource.
type version struct {
	URL      string `json:"url"` // its sum, as it may hold secrets
	Number   int    `json:"number"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

func openPollSource(a *Adapter, env *adapter.Env) (*pollSource, error) {
	sum := sha256.Sum256([]byte(a.URL))
	s := &pollSource{Adapter: a, env: env, client: a.client(), channel: env.Channel(), next: env.Clock.Now()}
	s.closing, s.close = context.WithCancel(context.Background())
	kept, err := env.Positions.Position(s.key())
	if err != nil {
		return nil, fmt.Errorf("read which version was taken: %w", err)
	}
	url := hex.EncodeToString(sum[:8])
	if json.Unmarshal(kept, &s.known) != nil || s.known.URL != url {
		s.known = version{URL: url}
	}
	return s, nil
}

func (s *pollSource) key() string { return "http " + s.env.Address }

// Receive waits for an answer that is new.
func (s *pollSource) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		if err := stream.EndedOrClosed(ctx, s.closing.Done()); err != nil {
			return nil, err
		}
		tick, t := s.env.Clock.NewTimer(s.env.Clock.Until(s.next))
		if s.underway != nil {
			tick = nil
		}
		select {
		case err := <-s.underway:
			if s.underway = nil; err == nil {
				s.known = s.latest
			} else {
				s.failed, s.next = s.id, s.env.Clock.Now().Add(min(s.Every, redelivery.Delay))
			}
		case <-tick:
			m, err := s.poll(ctx)
			if err := stream.EndedOrClosed(ctx, s.closing.Done()); err != nil && m == nil {
				t.Stop()
				return nil, err
			}
			s.next = s.env.Clock.Now().Add(s.Every)
			s.tell(err)
			if m != nil {
				t.Stop()
				return m, nil
			}
		case <-ctx.Done():
		case <-s.closing.Done():
		}
		t.Stop()
	}
}

// keep notes the version of a message that is settled: it is not asked for again.
func (s *pollSource) keep(v version) {
	if kept, err := json.Marshal(v); err == nil && s.closing.Err() == nil {
		s.env.Positions.Keep(s.key(), kept)
	}
}

// tell logs what keeps the source from its answers, once.
func (s *pollSource) tell(err error) {
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble != s.trouble && err != nil {
		s.env.Log.Warn("cannot poll, will try again", slog.Any("error", err), slog.Duration("in", s.Every))
	}
	s.trouble = trouble
}

func (s *pollSource) poll(ctx context.Context) (*eip.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for name, value := range map[string]string{"User-Agent": "eipd", "If-None-Match": s.known.ETag, "If-Modified-Since": s.known.Modified} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	s.setHeaders(request)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	defer response.Body.Close()
	etag := response.Header.Get("ETag")
	switch {
	case response.StatusCode == http.StatusNotModified, response.StatusCode == http.StatusNoContent, etag != "" && etag == s.known.ETag:
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(s.MaxBody)+1))
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, refused(request, response, body)
	case err != nil:
		return nil, fmt.Errorf("read answer of %s: %w", request.URL.Redacted(), err)
	case len(body) > int(s.MaxBody):
		return nil, fmt.Errorf("read answer of %s: it is larger than max_body, which is %v", request.URL.Redacted(), s.MaxBody)
	}
	before := fmt.Appendf(nil, "%s %+v\n", s.env.Address, s.known)
	sum := sha256.Sum256(append(before, body...)) // the same after a restart
	s.id, s.latest = hex.EncodeToString(sum[:16]), version{s.known.URL, s.known.Number + 1, etag, response.Header.Get("Last-Modified")}
	settled, latest := make(chan error, 1), s.latest
	s.underway = settled
	m := eip.New(body, func(err error) {
		if err == nil {
			s.keep(latest)
		}
		settled <- err
	})
	m.ID, m.Channel, m.Timestamp, m.Redelivered = s.id, s.channel, s.env.Clock.Now(), s.id == s.failed
	m.ContentType, m.Encoding = response.Header.Get("Content-Type"), response.Header.Get("Content-Encoding")
	m.Headers = eip.Headers{}
	for name, value := range map[string]string{"etag": s.latest.ETag, "last-modified": s.latest.Modified} {
		if value != "" {
			m.Headers[name] = value
		}
	}
	return m, nil
}

// Close ends Receive.
func (s *pollSource) Close() error {
	s.close()
	s.client.CloseIdleConnections()
	return nil
}
