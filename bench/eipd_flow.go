package main

import (
	"context"
	"fmt"
	"io"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	_ "github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/flow"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/routing"
)

func init() {
	adapter.Add("bench_source", func() any { return &source{} })
	adapter.Add("bench_sink", func() any { return &sink{} })
}

// startFlow runs orders.hcl as eipd does, with the feed for its source.
func startFlow(f *feed) (func() error, error) {
	return startProcess(f, "orders.hcl", "memory:", flow.RunOptions{})
}

func startProcess(f *feed, file, broker string, o flow.RunOptions) (stop func() error, err error) {
	config, diags := flow.Load(flow.Options{Files: []string{file}, Broker: broker})
	if diags.HasErrors() {
		return nil, diags
	}
	for name, a := range config.Adapters {
		switch c := a.Component.(type) {
		case *source:
			c.feed = f
		case *sink:
			c.feed, c.count = f, f.counter(name)
		}
	}
	process, err := config.Start(context.Background(), o)
	if err != nil {
		return nil, fmt.Errorf("start flow: %w", err)
	}
	return process.Stop, nil
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

func (s *sink) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) { return s, nil }

func (s *sink) Close() error { return nil }

func (s *sink) Handle(context.Context, *eip.Message) error {
	s.count.Add(1)
	if s.feed.atSink {
		s.feed.settle(1)
	}
	return nil
}
