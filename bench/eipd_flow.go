package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	_ "github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/routing"
)

func init() {
	adapter.Add("bench_source", func() any { return &source{feeding} })
	adapter.Add("bench_sink", func() any { return &sink{feed: feeding} })
}

var feeding *feed // by the adapters that are made

// startFlow runs orders.hcl as eipd does, with the feed for its source.
func startFlow(f *feed) (func() error, error) {
	return startProcess(f, "orders.hcl", "memory:", host.Options{})
}

func startProcess(f *feed, file, broker string, o host.Options) (stop func() error, err error) {
	config, diags := flow.Load(flow.Options{Files: []string{file}, Broker: broker})
	if diags.HasErrors() {
		return nil, diags
	}
	feeding = f
	h := host.New(o)
	if _, err := h.Start(context.Background(), config); err != nil {
		return nil, fmt.Errorf("start flow: %w", err)
	}
	return h.Stop, nil
}

// counter is what counts the messages that come to the sink of a name.
func (f *feed) counter(name string) *counter {
	for to, n := range routeNames {
		if n == name {
			return &f.routed[to]
		}
	}
	if name == "audit" {
		return &f.tapped
	}
	return &f.invalid
}

// source gives a feed's messages as a file of JSON lines would.
type source struct{ feed *feed }

func (s *source) OpenSource(context.Context, *adapter.Env) (adapter.Source, error) {
	return s, nil
}

func (s *source) Close() error { return nil }

func (s *source) Receive(context.Context) (*eip.Message, error) {
	body := s.feed.take()
	if body == nil {
		return nil, io.EOF
	}
	m := eip.NewFor(body, s)
	m.ContentType, m.Channel = "application/json", "orders"
	return m, nil
}

func (s *source) Settle(error) {
	if !s.feed.atSink {
		s.feed.settle(1)
	}
}

// sink counts what it is given.
type sink struct {
	feed  *feed
	count *counter
}

func (s *sink) OpenSink(_ context.Context, env *adapter.Env) (adapter.Sink, error) {
	_, name, _ := strings.Cut(env.Address, ".")
	s.count = s.feed.counter(name)
	return s, nil
}

func (s *sink) Close() error { return nil }

func (s *sink) Handle(_ context.Context, m *eip.Message) error {
	s.count.Add(1)
	if s.feed.kept != nil && s.count != &s.feed.invalid {
		s.feed.kept(m.Body())
	}
	if s.feed.atSink {
		s.feed.settle(1)
	}
	return nil
}
