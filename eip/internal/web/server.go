// Package web is what all HTTP listeners of a process have in common: their
// time-outs, and whom they turn away.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A Server serves a Handler. It waits for nobody for long: a handler that has
// reason to do so sets deadlines of its own.
type Server struct {
	address  string // as it was given
	server   *http.Server
	listener net.Listener
	served   chan struct{}
}

// Timeout is how long it may take to read a request, or to write an answer.
const Timeout = 30 * time.Second

// Listen listens at an address, HOST:PORT.
func Listen(address string, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &Server{address: address, listener: l, served: make(chan struct{}), server: &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: Timeout, WriteTimeout: Timeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// Serve begins to serve h.
func (s *Server) Serve(h http.Handler) {
	s.server.Handler = h
	go func() {
		defer close(s.served)
		_ = s.server.Serve(s.listener) // it ends by Close only
	}()
}

// Address is where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Release frees the address for the next one.
func (s *Server) Release() error { return s.listener.Close() }

// Close finishes the answers under way, until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, s.server.Close()) // cuts what hangs
	}
	<-s.served
	return err
}
