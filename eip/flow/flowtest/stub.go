package flowtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage"
)

// answers are what a stand-in gives in turn; the last one stays.
type answers struct {
	clock eip.Clock
	mu    sync.Mutex
	left  []*replyBlock
}

// to returns the answer to m, once that has taken its time.
func (a *answers) to(ctx context.Context, m *eip.Message) (*eip.Message, error) {
	a.mu.Lock()
	now := a.left[0]
	if len(a.left) > 1 {
		a.left = a.left[1:]
	}
	a.mu.Unlock()
	if err := a.clock.Sleep(ctx, now.Delay); err != nil {
		return nil, err
	}
	v, err := now.Body(ctx, m)
	if err != nil {
		return nil, err
	}
	answer, err := eip.New(nil, nil).WithValue(v, "")
	headers := map[string]any{}
	for _, name := range sorted(now.Headers) {
		v, failed := now.Headers[name](ctx, m)
		if err = errors.Join(err, failed); v != nil {
			headers[name] = v
		}
	}
	if err != nil {
		return nil, err
	}
	return answer.WithHeaders(headers), nil
}

// reply answers m at its Return Address, as an adapter does: when it has taken its time.
func (a *answers) reply(ctx context.Context, m *eip.Message) error {
	answer, err := a.to(ctx, m)
	if err != nil {
		return err
	}
	return m.Reply(ctx, answer)
}

// replyLater answers m as somebody does who reads a channel: who sent it goes on meanwhile,
// and hears nothing of what goes wrong. The test does. m is done then.
func (r *rig) replyLater(a *answers, m *eip.Message, done func(error)) {
	ctx := r.context
	r.beside.Go(func() {
		err := a.reply(ctx, m)
		if err != nil && ctx.Err() == nil && !eip.IsGone(err) {
			r.failAt(r.test.block.Range(), broken, fmt.Sprintf("a stand-in cannot answer: %v", err))
		}
		done(nil)
	})
}

// standInStage has a stub take the place of what a stage has outside of the process.
func (r *rig) standInStage(c *flow.Config, n *eip.Named) {
	stub := r.stubs[n.Address]
	switch s := n.Stage.(type) {
	case *endpoint.Exec:
		n.Stage = &stubbedExec{Exec: s, rig: r, address: n.Address, stub: stub}
	case *endpoint.Processor:
		s.Work = func(ctx context.Context, m *eip.Message) (*eip.Message, error) {
			return r.work(ctx, n.Address, "processor", stub, m)
		}
	case *endpoint.Request:
		s.To = r.service(c, n.Address, "request", s.To, stub)
	case *manage.SmartProxy:
		s.Service = r.service(c, n.Address, "smart_proxy", s.Service, stub)
	case *manage.Detour:
		r.detours[n.Address] = s
	}
	r.faults.guard(n)
}

// work is what a program has made of m.
func (r *rig) work(ctx context.Context, address, kind string, stub *answers, m *eip.Message) (*eip.Message, error) {
	if stub == nil {
		return nil, r.lacksStub(address, kind)
	}
	answer, err := stub.to(ctx, m)
	if err != nil {
		return nil, err
	}
	return m.WithBody(answer.Body()).WithHeaders(answer.Headers).With(func(m *eip.Message) { m.ContentType, m.Encoding = answer.ContentType, "" }), nil
}

// service is where a stage sends its requests: a stub's, or where it did where somebody
// answers there.
func (r *rig) service(c *flow.Config, address, kind string, to eip.Handler, stub *answers) eip.Handler {
	name := flow.NameOf(to)
	ch := c.Channels[name]
	switch {
	case stub != nil && ch != nil:
		return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			r.replyLater(stub, m, m.Hold())
			return nil
		})
	case stub != nil:
		return eip.HandlerFunc(stub.reply)
	case r.stubs[name] != nil, r.services[name] != nil, ch != nil && (r.places.reads[name] || ch == c.ControlTopic()):
		return to
	}
	return eip.HandlerFunc(func(context.Context, *eip.Message) error { return r.lacksStub(address, kind) })
}

// stubbedExec runs no program.
type stubbedExec struct {
	*endpoint.Exec
	rig     *rig
	address string
	stub    *answers
}

func (*stubbedExec) Trouble() error                       { return nil }
func (*stubbedExec) Open(context.Context, *eip.Env) error { return nil }
func (e *stubbedExec) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	made, err := e.rig.work(ctx, e.address, "exec", e.stub, m)
	switch {
	case err != nil:
		return err
	case e.Output == endpoint.OutputBody:
		m = made
	}
	return next.Handle(ctx, m)
}

// serve answers what comes to a channel, as a program in another language would.
func (r *rig) serve(ctx context.Context, name string, a *answers) error {
	ch := r.places.config.Channels[name]
	b, err := r.brokerOf(r.places.config.BrokerOf(ch))
	if err != nil {
		return err
	}
	src, err := b.Source(ctx, r.places.config.Spec(ch), broker.Subscription{Name: "test"})
	if err != nil {
		return err
	}
	r.beside.Go(func() {
		defer src.Close()
		for {
			m, err := src.Receive(ctx)
			if err != nil {
				return
			}
			eip.Deliver(ctx, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				r.replyLater(a, m, m.Hold())
				return nil
			}), m)
		}
	})
	return nil
}
