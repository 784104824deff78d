package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	_ "github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/stats"
)

func init() {
	adapter.Add("bench_parts", func() any { return &parts{making} })
	adapter.Add("bench_results", func() any { return &resultSink{making} })
}

// A filling is what flows take from or give to.
type filling struct {
	n      int
	make   func(i int) []byte
	result func([]byte)
	size   int // of groups; 0: the flow has none
	next   int
}

var making *filling // of the adapters that are made

// runState runs a flow until it has done enough.
func runState(file, dir string, f *filling, enough func(stats.Counts) bool) error {
	return runStates(file, dir, f, func(all []stats.Counts) bool { return enough(all[0]) })
}

// runStates runs flows until they have done enough.
func runStates(file, dir string, f *filling, enough func([]stats.Counts) bool) (err error) {
	o := flow.Options{Files: []string{file}, Broker: "embedded:"}
	if f != nil && f.size > 0 {
		o.Variables = map[string]string{"size": strconv.Itoa(f.size)}
	}
	config, diags := flow.Load(o)
	if diags.HasErrors() {
		return diags
	}
	making = f
	h := host.New(host.Options{DataDir: dir})
	defer func() { err = errors.Join(err, h.Stop()) }()
	if _, err := h.Start(context.Background(), config); err != nil {
		return fmt.Errorf("start flow: %w", err)
	}
	flows := h.Flows()
	all := make([]stats.Counts, len(flows))
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		for i, f := range flows {
			if all[i], _ = f.Counts(); all[i].Failed > 0 {
				return fmt.Errorf("messages failed: %+v", all[i])
			}
		}
		switch {
		case enough(all):
			return nil
		case time.Since(begin) > time.Hour:
			return fmt.Errorf("it takes too long: %+v", all)
		}
	}
}

func sent(n int) func(stats.Counts) bool {
	return func(c stats.Counts) bool { return c.Sent == int64(n) && c.InFlight == 0 }
}

func fillEipd(j stateJob, dir string, n int) error {
	return runState("state_fill.hcl", dir, &filling{n: n, make: j.message}, sent(n))
}

func moveEipd(j stateJob, dir string, n int) error {
	return runState(j.file, dir, nil, func(c stats.Counts) bool {
		return c.Received == int64(n) && sent(j.results(n))(c)
	})
}

func emptyEipd(j stateJob, dir string, n int, result func([]byte)) error {
	return runState("state_empty.hcl", dir, &filling{result: result}, sent(j.results(n)))
}

// parts is a source of messages that are made one by one, with Message IDs.
type parts struct{ of *filling }

func (p *parts) OpenSource(context.Context, *adapter.Env) (adapter.Source, error) {
	own := *p.of // two adapters give the same
	return &parts{&own}, nil
}

func (p *parts) Close() error { return nil }

func (p *parts) Receive(context.Context) (*eip.Message, error) {
	if p.of.next == p.of.n {
		return nil, io.EOF
	}
	m := eip.New(p.of.make(p.of.next), nil)
	m.ID, m.ContentType = fmt.Sprintf("%032d", p.of.next), "application/json"
	p.of.next++
	return m, nil
}

// resultSink looks at what came out.
type resultSink struct{ of *filling }

func (s *resultSink) OpenSink(context.Context, *adapter.Env) (adapter.Sink, error) { return s, nil }

func (s *resultSink) Close() error { return nil }

func (s *resultSink) Handle(_ context.Context, m *eip.Message) error {
	s.of.result(m.Body())
	return nil
}
