package routing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// gatherer is a flow with one stage that gathers.
type gatherer struct {
	t    *testing.T
	flow *eip.Flow
	in   chan *eip.Message
	stop context.CancelFunc
	done chan error

	mu      sync.Mutex
	got     map[string][]*eip.Message // by where they came to: out, dead, invalid
	settled []error
	fails   func(m *eip.Message) error // what follows
}

// Receive ends when in is closed.
func (g *gatherer) Receive(ctx context.Context) (*eip.Message, error) {
	select {
	case m, ok := <-g.in:
		if !ok {
			return nil, io.EOF
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func gather(t *testing.T, stage eip.Stage) *gatherer {
	t.Helper()
	return gatherWith(t, stage, eip.Clock{})
}

func gatherWith(t *testing.T, stage eip.Stage, clock eip.Clock) *gatherer {
	t.Helper()
	if err := stage.(eip.Validator).Validate(); err != nil {
		t.Fatal(err)
	}
	g := &gatherer{t: t, in: make(chan *eip.Message), done: make(chan error, 1), got: map[string][]*eip.Message{}}
	to := func(where string) eip.Handler {
		return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			g.mu.Lock()
			defer g.mu.Unlock()
			if where == "out" && g.fails != nil {
				if err := g.fails(m); err != nil {
					return err
				}
			}
			g.got[where] = append(g.got[where], m)
			return nil
		})
	}
	g.flow = &eip.Flow{Name: "f", Source: g, Stages: []eip.Stage{&eip.Named{Address: "f.gather", Stage: stage}}, To: to("out"),
		DeadLetter: to("dead"), Invalid: to("invalid"), Grace: time.Second, Env: eip.Env{Clock: clock}, Retry: eip.Retry{Attempts: 2, Delay: time.Millisecond}}
	var ctx context.Context
	ctx, g.stop = context.WithCancel(context.Background())
	go func() { g.done <- g.flow.Run(ctx) }()
	return g
}

// send gives messages to the flow, and waits until nothing moves.
func (g *gatherer) send(all ...*eip.Message) {
	for _, m := range all {
		g.in <- m.Fork(func(err error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.settled = append(g.settled, err)
		})
		synctest.Wait()
	}
}

// end stops the flow, or ends its source.
func (g *gatherer) end(atOnce bool) {
	g.t.Helper()
	if atOnce {
		g.stop()
	} else {
		close(g.in)
	}
	if err := <-g.done; err != nil {
		g.t.Error(err)
	}
	g.stop()
	c, _ := g.flow.Counts()
	if c.InFlight != 0 {
		g.t.Errorf("counts at the end: %+v", c)
	}
}

// bodies are those that came somewhere, each with why its group was closed.
func (g *gatherer) bodies(where string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, m := range g.got[where] {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %v", m.Body(), orNothing(m.Headers["eip-closed-by"]))))
	}
	return strings.Join(all, " | ")
}

func orNothing(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// an aggregator of a new store.
func aggregator(t *testing.T, set func(*routing.Aggregator)) *routing.Aggregator {
	return aggregatorIn(t, memory.New(), set)
}

func aggregatorIn(_ *testing.T, s store.Store, set func(*routing.Aggregator)) *routing.Aggregator {
	a := routing.NewAggregator()
	a.Store, a.Key = store.In(s), byKey
	a.Timeout.Set(time.Hour)
	set(a)
	return a
}

func byKey(_ context.Context, m *eip.Message) (any, error) { return m.Headers["key"], nil }

// see compiles expressions as flow files do.
func see(t *testing.T, into interface {
	Sees() []string
	Compiled(eip.Merge, []string)
}, source string) {
	t.Helper()
	m, reads, err := expression.Seeing(source, into.Sees())
	if err != nil {
		t.Fatal(err)
	}
	into.Compiled(m, reads)
}

func valueOf(t *testing.T, source string) eip.Value {
	t.Helper()
	v, err := expression.Value(source)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// parts are messages of a key with these bodies, and identifiers that are made of them.
func parts(key string, bodies ...string) (all []*eip.Message) {
	for _, body := range bodies {
		all = append(all, eip.New([]byte(body), nil).WithHeader("key", key).With(func(m *eip.Message) { m.ID = key + "/" + body }))
	}
	return all
}

// sequence are the parts of one, as a splitter makes them.
func sequence(id string, size int, numbers ...int) (all []*eip.Message) {
	for _, n := range numbers {
		all = append(all, eip.New(fmt.Append(nil, n), nil).With(func(m *eip.Message) { m.Sequence = eip.Sequence{ID: id, Number: n, Size: size} }))
	}
	return all
}

// left are the keys that an aggregator has in its store, by their first letters.
func left(t *testing.T, s store.Store) string {
	t.Helper()
	space, err := s.Space("f.gather")
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	_ = space.View(func(r store.Reader) error {
		for key := range r.Range("", "") {
			if key[0] != 0 || key[1] == 'o' {
				what := key[:1]
				if what == "g" && len(key) > 1+16 { // an identity, behind the group's hash
					what = "i"
				}
				n[what]++
			}
		}
		return nil
	})
	text, _ := json.Marshal(n)
	return string(text)
}

func sorted(text string) string {
	all := strings.Split(text, " | ")
	slices.Sort(all)
	return strings.Join(all, " | ")
}

// list is a source that ends.
type list []*eip.Message

func (l *list) Receive(context.Context) (*eip.Message, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	m := (*l)[0]
	*l = (*l)[1:]
	return m, nil
}
