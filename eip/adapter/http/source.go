package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/web"
)

// requestSource makes a message of each request, which waits until the message is
// settled or answered.
type requestSource struct {
	*Adapter
	env     *adapter.Env
	channel string
	server  *server
	guard   *web.Guard
	slots   chan struct{} // one for each request that is worked on
	taken   chan *eip.Message
	closed  chan struct{}
	once    sync.Once
	err     error

	mu       sync.Mutex
	stopping chan struct{} // closed while the flow takes nothing more
	stopped  bool
}

func openRequestSource(a *Adapter, env *adapter.Env) (*requestSource, error) {
	server, err := servers.Acquire(a.Listen, func() (*server, error) { return listen(a.Listen, env.Log) })
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &requestSource{Adapter: a, env: env, channel: env.Channel(), server: server, slots: make(chan struct{}, a.MaxRequests),
		taken: make(chan *eip.Message), closed: make(chan struct{}), stopping: make(chan struct{})}
	if s.guard, err = server.Guard(a.Hosts, a.Origins); err == nil {
		err = server.join(s)
	}
	server.start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), s.release())
	}
	env.Log.Info("listening", slog.String("address", server.Address()), slog.String("path", a.Path), slog.String("method", a.Method))
	return s, nil
}

func (s *requestSource) release() (err error) {
	var last *server
	servers.Release(s.Listen, func(server *server) bool {
		last = server
		err = server.Release() // so that the address is free for the next
		return true
	})
	if last != nil {
		last.close()
	}
	return err
}

// Receive returns the next request's message. While it is not called, requests
// wait; once its context has ended, they are refused.
func (s *requestSource) Receive(ctx context.Context) (*eip.Message, error) {
	if err := stream.EndedOrClosed(ctx, s.closed); err != nil {
		return nil, err
	}
	s.resume()
	select {
	case m := <-s.taken:
		return m, nil
	case <-ctx.Done():
		s.suspend()
		return nil, ctx.Err()
	case <-s.closed:
		return nil, eip.ErrClosed
	}
}

func (s *requestSource) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		s.stopped, s.stopping = false, make(chan struct{})
	}
}

func (s *requestSource) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
}

func (s *requestSource) suspended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// Close refuses what waits, and ends the server if nobody else needs it.
func (s *requestSource) Close() error {
	s.once.Do(func() {
		s.server.leave(s)
		close(s.closed)
		s.err = s.release()
	})
	return s.err
}

// An exchange is one request and what comes of its message. It is the message's
// Settler and Replier.
type exchange struct {
	settled chan error
	replied chan *eip.Message
}

func (x *exchange) Settle(err error) { x.settled <- err } // it has room for the one call

// Reply answers the request. Later replies have nobody to go to.
func (x *exchange) Reply(_ context.Context, _, reply *eip.Message) error {
	select {
	case x.replied <- reply:
	default:
	}
	_, err := statusOf(reply) // the answer is 500 then
	return err
}

func (s *requestSource) serve(w http.ResponseWriter, r *http.Request) {
	if s.guard.Refuses(w, r, true) {
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery) // Query drops what it cannot read
	if err != nil {
		web.Refuse(w, "the query cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	timeout := time.NewTimer(s.Timeout)
	defer timeout.Stop()
	in := s.server.bodies.of(w, r, s.MaxBody, timeout.C)
	defer in.release()
	body, err := s.read(w, r, in)
	if err != nil {
		s.unread(w, err)
		return
	}
	select {
	case s.slots <- struct{}{}:
		in.leave = sync.OnceFunc(func() { <-s.slots })
		defer in.leave()
	default:
		refuse(w, "too many requests are being worked on")
		return
	}
	encoding := strings.Join(r.Header.Values("Content-Encoding"), ", ")
	if codings, known, _ := content.Codings(encoding); known && len(body) > 0 {
		if body, err = in.decode(body, codings); err != nil {
			s.unread(w, err)
			return
		}
		encoding = ""
	}
	x := &exchange{settled: make(chan error, 1), replied: make(chan *eip.Message, 1)}
	select {
	case s.taken <- s.message(r, query, body, encoding, x):
		in.release() // from here on it is the flow's
	case <-timeout.C:
		refuse(w, "the flow is busy")
		return
	case <-s.suspended():
		refuse(w, "the flow is stopping")
		return
	case <-s.closed:
		refuse(w, "the flow has stopped")
		return
	case <-r.Context().Done():
		return
	}
	select {
	case err := <-x.settled:
		s.answer(w, in, x, err)
	case reply := <-x.replied:
		in.write(w, reply)
	case <-timeout.C:
		http.Error(w, "the message was taken, but is not settled yet", http.StatusGatewayTimeout)
	case <-r.Context().Done(): // nobody is there to be answered; the message goes on
	case <-s.closed:
		select {
		case err := <-x.settled:
			s.answer(w, in, x, err)
		default:
			refuse(w, "the flow has stopped before the message was settled")
		}
	}
}

// read reads a request's body in bounded time.
func (s *requestSource) read(w http.ResponseWriter, r *http.Request, in *body) ([]byte, error) {
	if r.ContentLength > int64(s.MaxBody) {
		return nil, errTooLarge
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.Timeout))
	b, err := in.read(http.MaxBytesReader(w, r.Body, int64(s.MaxBody)), r.ContentLength)
	if err != nil {
		return nil, err
	}
	_ = control.SetReadDeadline(time.Time{}) // what is read while the message is worked on is that the client leaves
	_ = control.SetWriteDeadline(time.Now().Add(s.Timeout + web.Timeout))
	return b, nil
}

// unread says why a body was not read.
func (s *requestSource) unread(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errTooLarge), errors.As(err, &tooLarge):
		web.Refuse(w, fmt.Sprintf("the body is larger than %v", s.MaxBody), http.StatusRequestEntityTooLarge)
	case errors.Is(err, errNoRoom):
		w.Header().Set("Connection", "close")
		refuse(w, err.Error())
	default:
		web.Refuse(w, "the body cannot be read", http.StatusBadRequest)
	}
}

func (s *requestSource) message(r *http.Request, query url.Values, body []byte, encoding string, x *exchange) *eip.Message {
	m := eip.NewFor(body, x)
	m.ID, m.Channel, m.Timestamp = eip.NewID(), s.channel, s.env.Clock.Now()
	m.ContentType, m.Encoding = typeOfRequest(r, body), encoding
	m.Headers = headersOf(r, query)
	return m.WithReplier(x)
}

// answer says what became of a message, unless its flow has said that.
func (s *requestSource) answer(w http.ResponseWriter, in *body, x *exchange, err error) {
	select {
	case reply := <-x.replied:
		in.write(w, reply)
		return
	default:
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case eip.IsInvalid(err):
		http.Error(w, "the message cannot be understood", http.StatusUnprocessableEntity)
	case s.isSuspended():
		refuse(w, "the flow has stopped before the message was settled")
	default:
		http.Error(w, "the message failed", http.StatusInternalServerError)
	}
}

func (s *requestSource) isSuspended() bool {
	select {
	case <-s.suspended():
		return true
	default:
		return false
	}
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, why, http.StatusServiceUnavailable)
}
