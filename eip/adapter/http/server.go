package http

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter/internal/stream"
	"github.com/eipd/eipd/eip/internal/web"
)

// servers are the addresses that adapters listen on: one server for each,
// whoever it serves.
var servers stream.Shared[string, *server]

type server struct {
	*web.Server
	bodies bodies
	start  func() // once: serves, when there is somebody to serve for

	mu     sync.RWMutex
	routes map[string]map[string]*requestSource // by path and method
}

func listen(address string, log *slog.Logger) (*server, error) {
	l, err := web.Listen(address, log)
	if err != nil {
		return nil, err
	}
	s := &server{Server: l, routes: map[string]map[string]*requestSource{}}
	s.start = sync.OnceFunc(func() { s.Serve(s) })
	return s, nil
}

// join adds a source. Two of one path and method cannot both have its requests.
func (s *server) join(source *requestSource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	methods := s.routes[source.Path]
	if taken, ok := methods[source.Method]; ok {
		return fmt.Errorf("%s %s%s is taken by %s already", source.Method, source.Listen, source.Path, taken.env.Address)
	}
	if methods == nil {
		methods = map[string]*requestSource{}
		s.routes[source.Path] = methods
	}
	methods[source.Method] = source
	return nil
}

func (s *server) leave(source *requestSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.routes[source.Path], source.Method)
	if len(s.routes[source.Path]) == 0 {
		delete(s.routes, source.Path)
	}
}

// methods returns who serves a path: the longest that fits, as package net/http
// does it.
func (s *server) methods(path string) map[string]*requestSource {
	if m := s.routes[path]; m != nil {
		return m
	}
	for end := strings.LastIndexByte(path, '/'); end >= 0; end = strings.LastIndexByte(path[:end], '/') {
		if m := s.routes[path[:end+1]]; m != nil {
			return m
		}
	}
	return nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	methods := s.methods(r.URL.Path)
	source := methods[r.Method]
	allow := make([]string, 0, len(methods))
	for m := range methods {
		allow = append(allow, m)
	}
	s.mu.RUnlock()
	switch {
	case source != nil:
		source.serve(w, r)
	case len(allow) > 0:
		slices.Sort(allow)
		w.Header().Set("Allow", strings.Join(allow, ", "))
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

// close ends the server, and finishes the answers that are being written.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.Close(ctx) // what it cut is not ours to tell
}

// headersOf are a request's headers as a message's. What is the connection's own,
// what could be one of ours, and the credentials of whoever asks stay behind.
func headersOf(r *http.Request, query url.Values) eip.Headers {
	h := make(eip.Headers, len(r.Header)+2)
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if !dropped[name] && !strings.HasPrefix(name, "eip-") && !strings.HasPrefix(name, "proxy-") {
			h[name] = strings.Join(values, ", ")
		}
	}
	for _, v := range r.Header.Values("Connection") {
		for name := range strings.SplitSeq(v, ",") {
			delete(h, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	h["path"] = r.URL.Path
	if len(query) > 0 {
		h["query"] = table(query)
	}
	return h
}

var dropped = map[string]bool{
	"authorization": true, "cookie": true,
	"connection": true, "keep-alive": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"content-length": true, "content-type": true, "content-encoding": true, "expect": true,
	"path": true, "query": true,
}

// table is query parameters as a header: a text, or a list where one is repeated.
func table(query map[string][]string) eip.Headers {
	t := make(eip.Headers, len(query))
	for name, values := range query {
		if len(values) == 1 {
			t[name] = values[0]
			continue
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		t[name] = list
	}
	return t
}
