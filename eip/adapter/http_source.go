package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
)

// httpSource makes a message of each request, which waits until the message is
// settled or answered.
type httpSource struct {
	*HTTP
	env     *eip.AdapterEnv
	channel string
	server  *httpServer
	slots   chan struct{} // one for each request that is worked on
	taken   chan *eip.Message
	closed  chan struct{}
	once    sync.Once
	err     error

	mu       sync.Mutex
	stopping chan struct{} // closed while the flow takes nothing more
	stopped  bool
}

func openHTTPSource(a *HTTP, env *eip.AdapterEnv) (*httpSource, error) {
	server, err := httpServers.acquire(a.Listen, func() (*httpServer, error) { return listen(a.Listen, env.Log) })
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &httpSource{HTTP: a, env: env, channel: channelOf(env), server: server, slots: make(chan struct{}, a.MaxRequests),
		taken: make(chan *eip.Message), closed: make(chan struct{}), stopping: make(chan struct{})}
	if err := server.join(s); err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), s.release())
	}
	env.Log.Info("listening", slog.String("address", server.listener.Addr().String()), slog.String("path", a.Path), slog.String("method", a.Method))
	return s, nil
}

func (s *httpSource) release() (err error) {
	var last *httpServer
	httpServers.release(s.Listen, func(server *httpServer) bool {
		last = server
		err = server.listener.Close() // so that the address is free for the next
		return true
	})
	if last != nil {
		last.close()
	}
	return err
}

// Receive returns the next request's message. While it is not called, requests
// wait; once its context has ended, they are refused.
func (s *httpSource) Receive(ctx context.Context) (*eip.Message, error) {
	if err := endedOrClosed(ctx, s.closed); err != nil {
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

func (s *httpSource) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		s.stopped, s.stopping = false, make(chan struct{})
	}
}

func (s *httpSource) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
}

func (s *httpSource) suspended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// Close refuses what waits, and ends the server if nobody else needs it.
func (s *httpSource) Close() error {
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

func (s *httpSource) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		refuse(w, "too many requests are being worked on")
		return
	}
	timeout := time.NewTimer(s.Timeout)
	defer timeout.Stop()
	body, ok := s.read(w, r)
	if !ok {
		return
	}
	x := &exchange{settled: make(chan error, 1), replied: make(chan *eip.Message, 1)}
	select {
	case s.taken <- s.message(r, body, x):
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
		s.answer(w, x, err)
	case reply := <-x.replied:
		write(w, reply)
	case <-timeout.C:
		http.Error(w, "the message was taken, but is not settled yet", http.StatusGatewayTimeout)
	case <-r.Context().Done(): // nobody is there to be answered; the message goes on
	case <-s.closed:
		select {
		case err := <-x.settled:
			s.answer(w, x, err)
		default:
			refuse(w, "the flow has stopped before the message was settled")
		}
	}
}

// read reads a request's body in bounded time.
func (s *httpSource) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if r.ContentLength > int64(s.MaxBody) {
		s.tooLarge(w)
		return nil, false
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.Timeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.MaxBody)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		s.tooLarge(w)
		return nil, false
	case err != nil:
		w.Header().Set("Connection", "close")
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return nil, false
	}
	_ = control.SetReadDeadline(time.Time{}) // what is read while the message is worked on is that the client leaves
	_ = control.SetWriteDeadline(time.Now().Add(s.Timeout + answerTimeout))
	return body, true
}

func (s *httpSource) tooLarge(w http.ResponseWriter) {
	http.Error(w, fmt.Sprintf("the body is larger than %v", s.MaxBody), http.StatusRequestEntityTooLarge)
}

func (s *httpSource) message(r *http.Request, body []byte, x *exchange) *eip.Message {
	m := eip.NewFor(body, x)
	m.ID, m.Channel, m.Timestamp = eip.NewID(), s.channel, time.Now()
	m.ContentType, m.Encoding = typeOfRequest(r, body), r.Header.Get("Content-Encoding")
	m.Headers = headersOf(r)
	return m.WithReplier(x)
}

// answer says what became of a message, unless its flow has said that.
func (s *httpSource) answer(w http.ResponseWriter, x *exchange, err error) {
	select {
	case reply := <-x.replied:
		write(w, reply)
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

func (s *httpSource) isSuspended() bool {
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

// write answers with a reply.
func write(w http.ResponseWriter, reply *eip.Message) {
	status, err := statusOf(reply)
	if err != nil {
		http.Error(w, "the reply has no valid status", status)
		return
	}
	w.Header().Set("Content-Type", typeOfReply(reply))
	if reply.Encoding != "" {
		w.Header().Set("Content-Encoding", reply.Encoding)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(reply.Body()) // nobody else is to be told
}

// typeOfReply is a reply's content type; where it has none, what expressions take
// its body for.
func typeOfReply(reply *eip.Message) string {
	switch {
	case reply.ContentType != "":
		return reply.ContentType
	case json.Valid(reply.Body()):
		return "application/json"
	case utf8.Valid(reply.Body()):
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// statusOf is the status that a flow gave to its reply.
func statusOf(reply *eip.Message) (int, error) {
	v := reply.Headers[eip.HeaderStatus]
	if !reply.Status || v == nil {
		return http.StatusOK, nil
	}
	text := fmt.Sprint(v)
	n, err := strconv.Atoi(text)
	switch v.(type) {
	case float32, float64, []byte, bool:
	default:
		if err == nil && len(text) == 3 && n >= 200 && n <= 599 {
			return n, nil
		}
	}
	return http.StatusInternalServerError, eip.Permanent(fmt.Errorf("the reply's %s is %.40q, and must be a whole number from 200 to 599", eip.HeaderStatus, text))
}
