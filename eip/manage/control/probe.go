package control

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Step is something that happened to a Test Message in a flow.
type Step struct {
	Test string // the identifier, which is the value of the header eip-test
	Flow string
	// To is the channel or adapter that a copy was sent to. Where it is "", the flow
	// is done with the message.
	To string
	// Readers is how many flows of the process will have the copy from To.
	Readers int
	// KeptOut says that To is an adapter, and was not given the copy.
	KeptOut bool
	Outcome eip.Outcome // of a flow that is done
	Stage   string      // where it failed
	Err     error
	Message *eip.Message
}

// A Report is what became of a Test Message.
type Report struct {
	// Outcome is sent, dropped, invalid, dead_lettered or returned; of several ends the
	// worst. under_way means that it came to no end in time.
	Outcome eip.Outcome `json:"outcome"`
	After   float64     `json:"after_ms"`
	Flows   []string    `json:"flows"` // that it passed
	Ends    []End       `json:"ends"`
}

// UnderWay is the outcome of a Test Message that has come to no end yet.
const UnderWay eip.Outcome = "under_way"

// An End is one place where a Test Message, or a copy of it, ended.
type End struct {
	Flow    string      `json:"flow"`
	Outcome eip.Outcome `json:"outcome"`
	To      string      `json:"to,omitempty"`       // where it came out
	KeptOut bool        `json:"kept_out,omitempty"` // of an adapter, which was not given it
	Stage   string      `json:"stage,omitempty"`    // where it failed
	Error   string      `json:"error,omitempty"`
	Body    any         `json:"body,omitempty"`
	Headers eip.Headers `json:"headers,omitempty"`
	After   float64     `json:"after_ms"`
}

// mostEnds bounds what is kept of one Test Message.
const mostEnds = 100

// probes are the Test Messages under way that were sent from here.
type probes struct {
	mu     sync.Mutex
	under  map[string]*probe
	redact *redaction
}

type probe struct {
	began time.Time
	open  int // flows that have it, or will
	flows []string
	ends  []End
	outs  map[string]bool // flows that sent it on
	done  chan struct{}
	over  bool
}

func (p *probes) begin(id string, open int) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.under == nil {
		p.under = map[string]*probe{}
	}
	t := &probe{began: time.Now(), open: open, outs: map[string]bool{}, done: make(chan struct{})}
	p.under[id] = t
	return t
}

func (p *probes) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.under, id)
}

// step takes what happened to a Test Message; of others it is not told.
func (p *probes) step(s Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.under[s.Test]
	if t == nil || t.over {
		return
	}
	if s.Flow != "" && !slices.Contains(t.flows, s.Flow) && len(t.flows) < mostEnds {
		t.flows = append(t.flows, s.Flow)
	}
	switch {
	case s.To != "" && s.Readers > 0:
		t.outs[s.Flow] = true
		t.open += s.Readers
	case s.To != "":
		t.outs[s.Flow] = true
		p.came(t, s, eip.WasSent)
	default:
		t.open--
		if s.Outcome != eip.WasSent || !t.outs[s.Flow] {
			p.came(t, s, s.Outcome)
		}
	}
	if t.open <= 0 {
		t.over = true
		close(t.done)
	}
}

func (p *probes) came(t *probe, s Step, how eip.Outcome) {
	if len(t.ends) == mostEnds {
		return
	}
	e := End{Flow: s.Flow, Outcome: how, To: s.To, KeptOut: s.KeptOut, Stage: s.Stage, After: milliseconds(time.Since(t.began))}
	if s.Err != nil {
		e.Error = clip(s.Err.Error())
	}
	if s.Message != nil {
		e.Headers, e.Body = p.redact.of(s.Message)
	}
	t.ends = append(t.ends, e)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// badness orders outcomes.
var badness = []eip.Outcome{eip.WasDropped, eip.WasSent, eip.WasReturned, eip.WasInvalid, eip.WasDeadLettered}

func (p *probes) report(t *probe) *Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &Report{Outcome: eip.WasDropped, After: milliseconds(time.Since(t.began)), Flows: slices.Clone(t.flows), Ends: slices.Clone(t.ends)}
	for _, e := range t.ends {
		if slices.Index(badness, e.Outcome) > slices.Index(badness, r.Outcome) {
			r.Outcome = e.Outcome
		}
	}
	if !t.over {
		r.Outcome = UnderWay
	}
	return r
}

// probe sends m as a Test Message, and waits until it has come to its end.
func (s *Server) probe(r *request, m *eip.Message, put func(*eip.Message), settled <-chan error, wait time.Duration) (any, error) {
	readers := s.readers(r.Target)
	t := s.probes.begin(m.ID, max(readers, 1))
	defer s.probes.end(m.ID)
	put(m.WithHeader(eip.HeaderTest, m.ID))
	if readers == 0 { // it ends where it was put
		s.probes.step(Step{Test: m.ID, To: r.Target, Message: m})
		s.probes.step(Step{Test: m.ID, Outcome: eip.WasSent})
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case err := <-settled:
			if err != nil && (errors.Is(err, eip.ErrNotRunning) || strings.Contains(r.Target, ".")) {
				return nil, Errorf(Failed, "the message was not taken: %v", err)
			}
			settled = nil // what went wrong in a flow is in the report
		case <-t.done:
			return Injected{ID: m.ID, Test: s.probes.report(t)}, nil
		case <-timer.C:
			return Injected{ID: m.ID, Test: s.probes.report(t)}, nil
		case <-s.ctx.Done():
			return nil, Errorf(Failed, "the process stops")
		}
	}
}

// readers is how many flows of this process have what is put into a target.
func (s *Server) readers(target string) (n int) {
	for _, f := range s.Process.Flows() {
		if f.Name() == target || slices.Contains(f.From(), target) {
			n++
		}
	}
	if strings.HasPrefix(target, "queue.") { // they compete
		return min(n, 1)
	}
	return n
}
