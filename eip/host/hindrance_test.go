package host_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// hindering is memory:, but for channels that it refuses or has lost.
var hindering struct {
	sync.Mutex
	channels map[string]*broker.Trouble
	tries    int
	together *gathering // nil: nobody waits
	silent   string     // a channel that is hindered once, and then waited for
	asked    chan struct{}
}

func hinder(address string) error {
	hindering.Lock()
	defer hindering.Unlock()
	if t := hindering.channels[address]; t != nil {
		hindering.tries++
		return t
	}
	return nil
}

func init() {
	broker.Registry.Add("hindering", func() broker.Transport {
		t := topicless(nil)
		open := t.Open
		t.Open = func(ctx context.Context, c broker.Config) (broker.Broker, error) {
			b, err := open(ctx, c)
			return hinderingBroker{b.(topiclessBroker).RequestReply}, err
		}
		return t
	})
}

type hinderingBroker struct{ broker.RequestReply }

func (b hinderingBroker) Source(ctx context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	if err := hinder(c.Address); err != nil {
		return nil, err
	}
	if hindering.silent == c.Address {
		if hindering.asked != nil {
			close(hindering.asked)
			<-ctx.Done()
			return nil, fmt.Errorf("consume from %s: %w", c.Address, ctx.Err())
		}
		hindering.asked = make(chan struct{})
		return nil, &broker.Trouble{Err: errors.New("not now")}
	}
	if g := hindering.together; g != nil {
		g.wait(ctx)
	}
	return b.RequestReply.Source(ctx, c, s)
}

func (b hinderingBroker) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	if err := hinder(c.Address); err != nil {
		return nil, err
	}
	return b.RequestReply.Sender(ctx, c)
}

func (b hinderingBroker) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	if err := hinder("inbox"); err != nil {
		return nil, err
	}
	return b.RequestReply.Inbox(ctx, name)
}

// gathering lets go on who waits when there are enough of them.
type gathering struct {
	missing atomic.Int64
	enough  chan struct{}
}

func (g *gathering) wait(ctx context.Context) {
	if g.missing.Add(-1) == 0 {
		close(g.enough)
	}
	select {
	case <-g.enough:
	case <-ctx.Done():
	}
}

// What a process opens on a broker it opens for many flows at once.
func TestProcess_OpensAtOnce(t *testing.T) {
	var text strings.Builder
	text.WriteString("broker \"b\" { url = \"hindering:\" }\n")
	for i := range 40 {
		fmt.Fprintf(&text, "queue \"in%d\" { broker = broker.b }\nflow \"f%d\" {\n  from = queue.in%d\n  discard {}\n}\n", i, i, i)
	}
	c := load(t, text.String())
	hindering.together = &gathering{enough: make(chan struct{})}
	hindering.together.missing.Store(16)
	defer func() { hindering.together = nil }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := start(ctx, c, host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

const hindered = `
broker "b" { url = "hindering:" }
queue "in" { broker = broker.b }
queue "out" { broker = broker.b }
queue "other" { broker = broker.b }
queue "service" { broker = broker.b }
queue "moved" { broker = broker.b }
queue "parent" {
  broker      = broker.b
  dead_letter = queue.moved
}

flow "hindered" {
  from = queue.in
  request { to = queue.service }
  to = [queue.out, queue.parent]
}
flow "free" {
  from = queue.other
  to   = queue.out
}
flow "service" {
  from = queue.service
  reply {}
}
`

func stateOf(p *host.Host, name string) (control.State, string) {
	for _, f := range p.Flows() {
		if f.Name() == name {
			return control.StateOf(f)
		}
	}
	return "", ""
}

// What a broker refuses or has lost keeps its flow from running, is said, and keeps
// no other flow from it.
func TestProcess_Hindered(t *testing.T) {
	for name, test := range map[string]struct {
		channel string
		refused bool
		runs    bool // all the same
	}{
		"source refused":             {"in", true, false},
		"source lost":                {"in", false, false},
		"target refused":             {"parent", true, false},
		"target lost":                {"service", false, false},
		"broker's dead letters lost": {"moved", false, false},
		"inbox refused":              {"inbox", true, false},
		"dead letters refused":       {"hindered.dead", true, true},
		"dead letters lost":          {"hindered.dead", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hindering.Lock()
				hindering.tries = 0
				hindering.channels = map[string]*broker.Trouble{test.channel: {Refused: test.refused, Err: errors.New("because")}}
				hindering.Unlock()
				p, err := start(t.Context(), load(t, hindered), host.Options{})
				if err != nil {
					t.Fatal(err)
				}
				want := control.Waiting
				if test.refused {
					want = control.Refused
				}
				if state, why := stateOf(p, "hindered"); state != want || why == "" {
					t.Errorf("it is %s: %s", state, why)
				}
				if state, why := stateOf(p, "free"); state != control.Running && test.channel != "service" {
					t.Errorf("the other is %s: %s", state, why)
				}
				send := func(to string) { inject(t, p, to) }
				if send("queue.other"); test.runs {
					send("queue.in")
				}
				time.Sleep(10 * time.Minute)
				hindering.Lock()
				if most := 600/15 + 20; test.refused && hindering.tries > most || hindering.tries > 2*600/2+20 {
					t.Errorf("it was tried %d times", hindering.tries)
				}
				hindering.channels = nil
				hindering.Unlock()
				if !test.runs {
					time.Sleep(time.Minute)
					send("queue.in")
				}
				time.Sleep(time.Second)
				if test.runs {
					time.Sleep(time.Minute)
				}
				if state, why := stateOf(p, "hindered"); state != control.Running {
					t.Errorf("at last it is %s: %s", state, why)
				}
				for _, s := range p.Stats() {
					if s.Flow != "service" && s.Sent != 1 {
						t.Errorf("of %s, %d were sent", s.Flow, s.Sent)
					}
				}
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// forgetful is memory:, and remembers nothing while it is told so.
type forgetful struct{ *memory.Store }

var forgets atomic.Bool

func init() {
	store.Registry.Add("forgetful", func() store.Open {
		return func(context.Context, store.Config) (store.Store, error) { return &forgetful{memory.New()}, nil }
	})
}

func (*forgetful) Trouble() *broker.Trouble {
	if forgets.Load() {
		return &broker.Trouble{Err: errors.New("nothing can be remembered")}
	}
	return nil
}

// A flow waits while the store of its stages does not work, and says so.
func TestProcess_HinderedByItsStore(t *testing.T) {
	p, err := start(t.Context(), load(t, `
queue "in" {}
queue "other" {}
store "s" { url = "forgetful:" }

flow "remembers" {
  from = queue.in
  delay {
    for   = "1m"
    store = store.s
  }
  discard {}
}
flow "free" {
  from = queue.other
  discard {}
}
`), host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, forgot := range []bool{false, true, false} {
		forgets.Store(forgot)
		for name, hindered := range map[string]bool{"remembers": forgot, "free": false} {
			want, because := control.Running, ""
			if hindered {
				want, because = control.Waiting, "nothing can be remembered"
			}
			if state, why := stateOf(p, name); state != want || why != because {
				t.Errorf("where the store forgets is %t, %s is %s: %q", forgot, name, state, why)
			}
		}
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

// A flow that is hindered can be stopped and started like any other.
func TestProcess_HinderedStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hindering.channels = map[string]*broker.Trouble{"parent": {Err: errors.New("because")}}
		p, err := start(t.Context(), load(t, hindered), host.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := p.Flows()[0]
		if err := f.Stop(t.Context()); err != nil || f.State() != control.Stopped {
			t.Errorf("stopped: %v, %s", err, f.State())
		}
		if err := f.Start(t.Context()); err != nil {
			t.Error(err)
		}
		if state, _ := control.StateOf(f); state != control.Waiting {
			t.Errorf("it is %s", state)
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func inject(t *testing.T, p *host.Host, channel string) {
	t.Helper()
	if err := p.Inject(t.Context(), channel, eip.New([]byte("x"), nil)); err != nil {
		t.Fatal(err)
	}
}

// A flow that is being opened when it is stopped, once again because it was hindered, leaves
// nothing to tell.
func TestProcess_StopsWhileItIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hindering.silent, hindering.asked = "silent", nil
		defer func() { hindering.silent = "" }()
		p, err := start(t.Context(), load(t, `
			broker "b" { url = "hindering:" }
			queue "silent" { broker = broker.b }
			flow "f" {
			  from = queue.silent
			  discard {}
			}`), host.Options{})
		if err != nil {
			t.Fatal(err)
		}
		<-hindering.asked
		if err := p.Stop(); err != nil {
			t.Errorf("it says %v", err)
		}
	})
}
