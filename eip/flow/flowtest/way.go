package flowtest

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

// wayHeader says, between a sender and a receiver within the test, which step a message is
// at. No flow sees it.
const wayHeader = "eip-test-way"

// A step is one place that a message passed. The way of a message is its step and those
// before it.
type step struct {
	before  *step
	address string // of a flow or stage, or "queue.orders"
	message *eip.Message
	number  int
}

// way returns the addresses from the first one on.
func (s *step) way() (all []string) {
	if s == nil {
		return nil
	}
	return append(s.before.way(), s.address)
}

func (s *step) String() string { return strings.Join(s.way(), " > ") }

// first is where the message came into the test.
func (s *step) first() *step {
	for s != nil && s.before != nil {
		s = s.before
	}
	return s
}

// mostSteps is of how many steps a test keeps the way, and mostBytes how much their bodies
// may hold together: then its flows get no further message.
const (
	mostSteps = 1_000_000
	mostBytes = 128 << 20
)

// ways are all steps of a test. It is safe for concurrent use.
type ways struct {
	mu    sync.Mutex
	all   []*step
	bytes atomic.Int64 // of bodies
}

// full reports whether the messages hold more than a test may.
func (w *ways) full() bool { return w.bytes.Load() > mostBytes }

func (w *ways) step(before *step, address string, m *eip.Message) *step {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &step{before: before, address: address, message: detached(m), number: len(w.all)}
	if body := m.Body(); len(body) > 0 && (before == nil || len(before.message.Body()) == 0 || &before.message.Body()[0] != &body[0]) {
		w.bytes.Add(int64(len(body)))
	}
	if len(w.all) < mostSteps {
		w.all = append(w.all, s)
	}
	return s
}

// on marks m as being at a step, on its way through a channel.
func (s *step) on(m *eip.Message) *eip.Message { return m.WithHeader(wayHeader, s.header()) }

func (s *step) header() string { return strconv.Itoa(s.number) }

// take takes the mark off.
func (w *ways) take(m *eip.Message) (*eip.Message, *step) {
	mark, ok := m.Headers[wayHeader].(string)
	if !ok {
		return m, nil
	}
	n, err := strconv.Atoi(mark)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || n < 0 || n >= len(w.all) {
		return m.Without(wayHeader), nil
	}
	return m.Without(wayHeader), w.all[n]
}

// came is what a message that a flow takes carries of its way.
type came struct{ *step }

// arrive has a flow that takes m know where it came from. The body is m's own from then on.
func (s *step) arrive(m *eip.Message) *eip.Message {
	m = m.WithBody(m.Body())
	eip.Derive(m, func(*eip.Message) came { return came{s} })
	return m
}

// tracer follows the messages of a flow.
type tracer struct {
	ways *ways
	rig  *rig
	flow string
}

func (t *tracer) Receive(m *eip.Message) eip.Span {
	from := eip.Derive(m, func(*eip.Message) came { return came{} })
	return &span{t, t.ways.step(from.step, t.flow, m)}
}

// span is a message at a step.
type span struct {
	of *tracer
	at *step
}

func (s *span) Stage(address string, m *eip.Message) eip.Span { return s.Step(address, s, m) }

// Step begins the span of the next stage after s. A detour that is off is passed by.
func (s *span) Step(address string, _ eip.Span, m *eip.Message) eip.Span {
	if d := s.of.rig.detours[address]; d != nil && !d.Enabled.Load() {
		return &span{of: s.of, at: s.at}
	}
	return &span{of: s.of, at: s.of.ways.step(s.at, address, m)}
}

func (s *span) Send(to eip.Place, m *eip.Message) (eip.Span, eip.Headers) {
	at := s.of.ways.step(s.at, s.of.rig.places.named(to), m)
	return &span{of: s.of, at: at}, eip.Headers{wayHeader: at.header()}
}

func (s *span) Retry(int, error)             {}
func (s *span) Settled(stats.Outcome, error) {}
func (s *span) End(error)                    {}

// lost are the furthest steps of messages that came nowhere: how far each got.
func (w *ways) lost(came map[*step]bool) (lines []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	inner, done := map[*step]bool{}, map[*step]bool{}
	for _, s := range w.all {
		inner[s.before] = true
		if came[s] {
			done[s.first()] = true
		}
	}
	for _, s := range w.all {
		if !inner[s] && !done[s.first()] && s.before != nil {
			if line := s.String(); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}
