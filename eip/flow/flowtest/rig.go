package flowtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage"
)

// A rig is a test that runs, with all that is its own.
type rig struct {
	test   *Test
	places *places
	host   *host.Host
	clock  *clock
	ways   *ways
	faults *faults
	update bool // golden files
	script *script
	folder string // of the directories of what outlasts a restart; "": nothing does
	dir    string // the present one
	stop   func() // ends the flows, once

	stubs    map[string]*answers // by address
	services map[string]*answers // by channel
	detours  map[string]*manage.Detour
	late     atomic.Bool     // its real time is over
	context  context.Context // of what stands in beside the flows
	beside   sync.WaitGroup

	mu       sync.Mutex
	brokers  []*standInBroker
	inputs   map[string]*input // by adapter
	arrivals []*arrival
	taken    map[string]int64  // messages that flows have taken, by channel and adapter
	sent     []int             // the first steps of messages that the test sent
	first    *eip.Message      // that it sent
	lacks    map[string]string // what has no stub: its kind, by address
	failures []Failure
	seen     seen // outcomes
	restarts int
	muted    bool // what the flows still do is no part of the test
}

// An arrival is a message that came to a place.
type arrival struct {
	place    string // "queue.paid"
	message  *eip.Message
	way      *step
	at       string // the path that a sink adapter's expression made
	deadOf   string // the flow that gave it up; "": none did
	own      bool   // the test put it there
	expected bool   // an expect was about it
	claimed  bool   // a block message named it
}

// mostArrivals is how many messages a test looks at.
const mostArrivals = 100_000

func (r *rig) arrived(place string, m *eip.Message, way *step, at string) {
	a := &arrival{place: place, message: detached(m), way: way, at: at, own: way != nil && way.before == nil}
	by, ok := m.Headers[header.Flow].(string)
	by, _, _ = strings.Cut(by, ".") // FLOW.STAGE.replies is where replies come in
	if ok && m.Headers[header.Reason] != nil && way != nil && way.before != nil && way.before.address == by {
		a.deadOf = by
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.arrivals) < mostArrivals && !r.muted && r.places.has(place) {
		r.arrivals = append(r.arrivals, a)
	}
}

// detached is a copy of m that no flow knows of.
func detached(m *eip.Message) *eip.Message {
	c := eip.New(m.Body(), nil)
	c.ID, c.CorrelationID, c.ReplyTo, c.Type, c.ContentType, c.Encoding, c.Key = m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key
	c.UserID, c.AppID, c.Timestamp, c.Expiration, c.Priority, c.Sequence, c.Headers = m.UserID, m.AppID, m.Timestamp, m.Expiration, m.Priority, m.Sequence, m.Headers
	c.Channel, c.Redelivered, c.Delivery = m.Channel, m.Redelivered, m.Delivery
	return c
}

// run runs a test, within its bubble.
func (t *Test) run(r *rig) {
	begin, _ := time.Parse(time.RFC3339, t.says.Time) // it was checked
	r.clock = newClock(begin, t.File.suite.Seed)
	of := eip.Clock{Timekeeper: r.clock}
	reader := flow.NewReader(of)
	reader.Add(t.File.syntax)
	r.script = t.read(reader, t.check)
	if problems := reader.Problems(); problems.HasErrors() {
		r.failAt(t.block.Range(), broken, problems.Error())
		return
	}
	r.places, r.ways = t.check, &ways{}
	r.faults = &faults{clock: of, at: map[string][]*fault{}, seen: r.script.faulty}
	r.detours = map[string]*manage.Detour{}
	r.inputs, r.taken, r.lacks = map[string]*input{}, map[string]int64{}, map[string]string{}
	r.stubs, r.services = map[string]*answers{}, map[string]*answers{}
	for at, s := range r.script.stubs {
		r.stubs[at] = &answers{clock: of, left: s.answers()}
	}
	for at, s := range r.script.services {
		r.services[at] = &answers{clock: of, left: s.answers()}
	}
	defer func() { r.stop() }()
	if err := r.start(); err != nil {
		r.failAt(t.block.Range(), broken, fmt.Sprintf("the flows cannot be started: %v", err))
		return
	}
	for _, one := range r.script.tasks {
		if r.over() {
			break
		}
		if one.kind == "expect" || !r.failed() {
			r.do(one)
		}
	}
	if !r.over() {
		settle()
		r.accounts()
	}
	if r.ways.full() {
		r.failAt(t.block.Range(), unexpected, append([]string{fmt.Sprintf("its messages hold more than %d MiB", mostBytes>>20)}, r.whereabouts(nil)...)...)
	}
	r.note()
	r.noteRecipients()
	r.tellLacking()
	r.healAll()
}

// start starts the flows. stop ends all that it began, also where it failed.
func (r *rig) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	r.context = ctx
	r.host = host.New(host.Options{
		Instance: "test", DataDir: r.dir, Grace: 10 * time.Second, Clock: eip.Clock{Timekeeper: r.clock}, Version: "test", NoRates: true,
		Built: r.built, OpenBroker: r.openBroker,
		Tracer: func(name string, _ map[string]eip.Place) eip.Tracer { return &tracer{r.ways, r, name} },
	})
	r.stop = sync.OnceFunc(func() {
		cancel()
		r.beside.Wait()
		if err := r.host.Stop(); err != nil && !r.failed() && !r.over() && !r.muted {
			r.failAt(r.test.block.Range(), unexpected, fmt.Sprintf("at its end: %v", err))
		}
	})
	names := make([]string, len(r.places.flows))
	for i, f := range r.places.flows {
		names[i] = f.Name
	}
	if _, err := r.host.Start(ctx, r.places.config, names...); err != nil {
		return err
	}
	for _, name := range sorted(r.services) {
		if err := r.serve(ctx, name, r.services[name]); err != nil {
			return err
		}
	}
	settle()
	return nil
}

// openBrokers are those that are open.
func (r *rig) openBrokers() []*standInBroker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.brokers)
}

// brokerOf returns the open broker that stands in for one.
func (r *rig) brokerOf(declared *flow.Broker) (*standInBroker, error) {
	name := cmp.Or(declared.Name, "default")
	for _, b := range r.openBrokers() {
		if b.name == name {
			return b, nil
		}
	}
	return nil, fmt.Errorf("no flow uses the broker %s", name)
}

// do carries out a step.
func (r *rig) do(one *task) {
	switch does := one.does.(type) {
	case []*sendBlock:
		r.send(one, does)
	case *callBlock:
		r.call(one, does)
	case *expectBlock:
		r.expect(one, does)
	case *commandBlock:
		r.command(one, does)
	case *faultBlock:
		r.fault(one, does)
	case *emptyBlock:
		switch one.kind {
		case "settle":
			settle()
		case "advance":
			settle()
			r.clock.advance(one.took, r.over)
			settle()
		case "restart":
			r.restart(one)
		case "heal":
			r.heal(one.to)
			settle()
		case "end":
			r.input(one.to.String()).end()
			settle()
		}
	}
}

// place is how faults and stubs call a target: a stage by its address alone.
func (t target) place() string {
	if t.kind == aStage {
		return t.name
	}
	return t.String()
}

// over reports whether the test has come to its end before it has done all steps.
func (r *rig) over() bool { return r.late.Load() || r.ways.full() }

func (r *rig) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *rig) fail(one *task, kind string, lines ...string) { r.failAt(one.at, kind, lines...) }

func (r *rig) failAt(at hcl.Range, kind string, lines ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, l := range lines {
		lines[i] = r.places.config.Redact(strings.TrimRight(l, "\n"))
	}
	r.failures = append(r.failures, Failure{File: at.Filename, Line: at.Start.Line, Kind: kind, Lines: lines})
}
