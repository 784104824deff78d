package manage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage"
)

// An office is a broker with a service's queue and a requestor's, and proxies
// between them.
type office struct {
	*testing.T
	eiptest.Post
	dead eiptest.Recorder
}

func newOffice(t *testing.T) *office {
	o := &office{T: t}
	o.Channel("answers")
	return o
}

// proxy opens a smart proxy before the service, as a process of its own would.
func (o *office) proxy(change func(*manage.SmartProxy)) *manage.SmartProxy {
	o.Helper()
	p := manage.NewSmartProxy()
	p.Service = o.Channel("service")
	if change != nil {
		change(p)
	}
	if err := p.Validate(); err != nil {
		o.Fatal(err)
	}
	o.open(p)
	return p
}

func (o *office) open(p *manage.SmartProxy) {
	o.Helper()
	env := eiptest.Env()
	env.DeadLetter, env.Invalid = &o.dead, &o.dead
	if err := p.Open(o.Context(), env); err != nil {
		o.Fatal(err)
	}
}

func (o *office) shut(proxies ...*manage.SmartProxy) {
	o.Helper()
	for _, p := range proxies {
		if err := p.Close(o.Context()); err != nil {
			o.Error(err)
		}
		if p.Busy() {
			o.Error("busy after close")
		}
	}
}

// request is a message from the office's own broker, with body and correlation
// identifier of that name, to be answered at "answers".
func (o *office) request(name string) *eip.Message {
	return eiptest.Message(name).With(func(m *eip.Message) {
		m.CorrelationID, m.ReplyTo, m.ID = "correlation of "+name, "answers", "id of "+name
	}).WithReplier(&o.Post)
}

// ask passes a request through the proxy, and returns what it has settled with so
// far; errUnsettled where it is held.
func (o *office) ask(p *manage.SmartProxy, m *eip.Message) (settled func() error) {
	var mu sync.Mutex
	outcome := errUnsettled
	eip.Deliver(o.Context(), eip.Chain([]eip.Stage{p}, nil), m.Fork(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		outcome = err
	}))
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		return outcome
	}
}

var errUnsettled = errors.New("not settled yet")

// take takes the next message from a channel, and settles it.
func (o *office) take(channel string) *eip.Message {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), time.Minute)
	defer cancel()
	m, err := o.Channel(channel).Receive(ctx)
	if err != nil {
		o.Fatalf("nothing in %s: %v", channel, err)
	}
	eip.Deliver(ctx, eip.Discard, m)
	return m
}

// answer is what the service does with a request.
func (o *office) answer(request *eip.Message) {
	o.Helper()
	reply := eiptest.Message("re " + string(request.Body())).With(func(r *eip.Message) { r.CorrelationID = request.CorrelationID })
	if err := o.SendTo(o.Context(), request.ReplyTo, reply); err != nil {
		o.Errorf("answer %s: %v", request.Body(), err)
	}
}

// answers checks what waits for the requestor, in order, and clears it.
func (o *office) answers(names ...string) {
	o.Helper()
	bodies, _ := o.Channel("answers").Waiting()
	if len(bodies) != len(names) {
		o.Errorf("the requestor got %q, want replies to %q", bodies, names)
	}
	for range bodies {
		m := o.take("answers")
		if len(names) == 0 {
			break
		}
		if got := fmt.Sprintf("%s, %s, %q", m.Body(), m.CorrelationID, m.ReplyTo); got != fmt.Sprintf("re %s, correlation of %s, %q", names[0], names[0], "") {
			o.Errorf("the requestor got %s; want the reply to %s", got, names[0])
		}
		names = names[1:]
	}
}

func (o *office) counts(c eip.Counted, want map[string]int64) {
	o.Helper()
	all := map[string]int64{"requests": 0, "replies": 0, "outstanding": 0, "timed_out": 0, "late": 0, "failed": 0, "foreign": 0,
		"unmatched": 0, "undeliverable": 0}
	maps.Copy(all, want)
	if got := c.Stats().Counts; !maps.Equal(got, all) {
		o.Errorf("counts %v, want %v", got, all)
	}
}

// replier is a requestor that is no broker's: it takes replies by a function.
type replier func(reply *eip.Message) error

func (r replier) Reply(_ context.Context, _, reply *eip.Message) error { return r(reply) }
