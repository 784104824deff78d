package manage_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage"
)

// Flows ask and answer through a proxy on many lanes at once.
func TestSmartProxy_BetweenFlows(t *testing.T) {
	const n = 1000
	o := newOffice(t)
	proxy := manage.NewSmartProxy()
	proxy.Service = o.Channel("service")
	stop, cancel := context.WithCancel(t.Context())
	var flows sync.WaitGroup
	run := func(f *eip.Flow) {
		f.Concurrency = 4
		flows.Go(func() {
			if err := f.Run(stop); err != nil {
				t.Error(err)
			}
		})
	}
	var mu sync.Mutex
	wanted := map[string]bool{}
	all := make(chan struct{})
	run(&eip.Flow{Name: "answers", Source: o.Channel("answers"), To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if !wanted[m.CorrelationID] || string(m.Body()) != "re "+m.CorrelationID {
			t.Errorf("got %q about %s, which was not asked or is answered already", m.Body(), m.CorrelationID)
		}
		if delete(wanted, m.CorrelationID); len(wanted) == 0 {
			close(all)
		}
		return nil
	})})
	run(&eip.Flow{Name: "service", Source: o.Channel("service"), To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		return m.Reply(ctx, m.WithBody(fmt.Append(nil, "re ", string(m.Body()))))
	})})
	for i := range n {
		name := fmt.Sprint(i)
		wanted[name] = true
	}
	for name := range wanted {
		eip.Deliver(t.Context(), o.Channel("requests"), o.request(name).With(func(m *eip.Message) { m.CorrelationID = name }).Fork(nil))
	}
	run(&eip.Flow{Name: "proxy", Source: o.Channel("requests"), Stages: []eip.Stage{&eip.Named{Address: "proxy.p", Stage: proxy}}})
	<-all
	cancel()
	flows.Wait()
	o.counts(proxy, map[string]int64{"requests": n, "replies": n})
	for _, c := range []string{"requests", "service", "answers"} {
		if bodies, taken := o.Channel(c).Waiting(); len(bodies) > 0 || taken > 0 {
			t.Errorf("in %s wait %d, %d are not settled", c, len(bodies), taken)
		}
	}
}

func BenchmarkSmartProxy(b *testing.B) {
	p := manage.NewSmartProxy()
	p.Service = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return m.Reply(ctx, m) })
	if err := p.Open(b.Context(), eiptest.Env()); err != nil {
		b.Fatal(err)
	}
	defer p.Close(b.Context())
	chain := eip.Chain([]eip.Stage{p}, nil)
	m := eiptest.Message("m").WithReplier(replier(func(*eip.Message) error { return nil }))
	b.ReportAllocs()
	for b.Loop() {
		eip.Deliver(b.Context(), chain, m.Fork(nil))
	}
}
