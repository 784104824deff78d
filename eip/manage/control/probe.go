package control

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// A Step is something that happened to a Test Message in a flow.
type Step struct {
	Test string // the identifier, which is the value of the header eip-test
	Flow string
	// To is the channel or adapter that a copy was sent to. Where it is "", the flow
	// is done with the message.
	To string
	// Readers is how many flows of the process will have the copy from To. Outside
	// says that other processes' flows may have it too, or instead.
	Readers int
	Outside bool
	// KeptOut says that To is an adapter, and was not given the copy.
	KeptOut bool
	Outcome stats.Outcome // of a flow that is done
	Stage   string        // where it failed
	Err     error
	Message *eip.Message
}

// A Report is what became of a Test Message.
type Report struct {
	// Outcome is sent, dropped, invalid, dead_lettered or returned; of several ends the
	// worst. under_way means that it came to no end in time.
	Outcome stats.Outcome `json:"outcome"`
	After   float64       `json:"after_ms"`
	Flows   []string      `json:"flows"` // that it passed
	Ends    []End         `json:"ends"`
}

// UnderWay is the outcome of a Test Message that has come to no end yet.
const UnderWay stats.Outcome = "under_way"

// An End is one place where a Test Message, or a copy of it, ended.
type End struct {
	Instance string        `json:"instance,omitempty"` // of another process
	Flow     string        `json:"flow"`
	Outcome  stats.Outcome `json:"outcome"`
	To       string        `json:"to,omitempty"`       // where it came out
	KeptOut  bool          `json:"kept_out,omitempty"` // of an adapter, which was not given it
	Stage    string        `json:"stage,omitempty"`    // where it failed
	Error    string        `json:"error,omitempty"`
	Body     any           `json:"body,omitempty"`
	Headers  eip.Headers   `json:"headers,omitempty"`
	After    float64       `json:"after_ms"`
}

// mostEnds bounds what is kept of one Test Message.
const mostEnds = 100

// linger is how long a report waits for what other processes have to say, when all
// that is known of has come to its end.
const linger = 300 * time.Millisecond

// probes are the Test Messages under way that were sent from here.
type probes struct {
	clock  eip.Clock
	mu     sync.Mutex
	under  map[string]*probe
	redact *redaction
	tell   func(news) // others about Test Messages of theirs; it does not wait
}

type probe struct {
	began   time.Time
	open    int // flows that have it, or will
	flows   []string
	ends    []End
	outs    map[string]bool // flows that sent it on
	known   map[string]bool // flows of other processes
	others  bool            // other processes may have something to say
	changed chan struct{}
}

func (p *probes) begin(id string, open int, others bool) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &probe{began: p.clock.Now(), open: open, others: others, outs: map[string]bool{}, known: map[string]bool{}, changed: make(chan struct{}, 1)}
	p.under[id] = t
	return t
}

func (p *probes) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.under, id)
}

// step takes what happened to a Test Message here. The process that waits for it may
// be another.
func (p *probes) step(s Step) {
	n := news{Test: s.Test, Flow: s.Flow, Readers: s.Readers, Outside: s.Outside, Done: s.To == ""}
	if n.Readers == 0 {
		n.End = &End{Flow: s.Flow, Outcome: stats.Sent, To: s.To, KeptOut: s.KeptOut, Stage: s.Stage}
		if n.Done {
			n.End.Outcome = s.Outcome
		}
		if s.Err != nil {
			n.End.Error = clip(p.redact.error(s.Message, s.Err).Error())
		}
		if s.Message != nil {
			seen := p.redact.look(s.Message, nil)
			n.End.Headers, n.End.Body = seen.headers, seen.shown()
		}
	}
	if !p.hear(n, "") {
		p.tell(n)
	}
}

// hear takes news, from another instance or of this one (""). It reports whether
// they are about a Test Message of this process.
func (p *probes) hear(n news, instance string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.under[n.Test]
	if t == nil {
		return false
	}
	if n.Flow != "" && !slices.Contains(t.flows, n.Flow) && len(t.flows) < mostEnds {
		t.flows = append(t.flows, n.Flow)
	}
	by := instance + " " + n.Flow
	if instance != "" && !t.known[by] { // a reader there that nobody here has counted
		t.known[by] = true
		if t.open <= 0 {
			t.open++
		}
	}
	shown := n.End != nil
	if n.Done {
		t.open--
		shown = shown && (n.End.Outcome != stats.Sent || !t.outs[by])
	} else {
		t.open += n.Readers
		t.outs[by] = true
	}
	if shown && len(t.ends) < mostEnds {
		e := *n.End
		e.Instance, e.After = instance, milliseconds(p.clock.Since(t.began))
		t.ends = append(t.ends, e)
	}
	t.others = t.others || n.Outside || instance != ""
	select {
	case t.changed <- struct{}{}:
	default:
	}
	return true
}

// over reports whether all that is known of a Test Message has come to its end, and
// whether there may be news of it all the same.
func (p *probes) over(t *probe) (over, others bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return t.open <= 0, t.others
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// badness orders outcomes.
var badness = []stats.Outcome{stats.Dropped, stats.Absorbed, stats.Sent, stats.Returned, stats.Answered, stats.Unanswered, stats.Invalid, stats.DeadLettered}

func (p *probes) report(t *probe) *Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &Report{Outcome: stats.Dropped, After: milliseconds(p.clock.Since(t.began)), Flows: slices.Clone(t.flows), Ends: slices.Clone(t.ends)}
	for _, e := range t.ends {
		if slices.Index(badness, e.Outcome) > slices.Index(badness, r.Outcome) {
			r.Outcome = e.Outcome
		}
	}
	if t.open > 0 {
		r.Outcome = UnderWay
	}
	return r
}

// probe sends m as a Test Message, and waits until it has come to its end.
func (s *Server) probe(r *request, m *eip.Message, put func(*eip.Message), settled <-chan error, wait time.Duration) (any, error) {
	readers, outside := s.readers(r.Target)
	t := s.probes.begin(m.ID, max(readers, 1), outside)
	defer s.probes.end(m.ID)
	put(m.WithHeader(header.Test, m.ID))
	if readers == 0 { // as far as is known here, it ends where it was put
		s.probes.step(Step{Test: m.ID, To: r.Target, Message: m})
		s.probes.step(Step{Test: m.ID, Outcome: stats.Sent})
	}
	report := func() (any, error) { return Injected{ID: m.ID, Test: s.probes.report(t)}, nil }
	late, timer := s.Clock.NewTimer(wait)
	defer timer.Stop()
	var quiet <-chan time.Time
	for over, others := s.probes.over(t); !over || others; over, others = s.probes.over(t) {
		if quiet = nil; over {
			quiet, _ = s.Clock.NewTimer(linger)
		}
		select {
		case err := <-settled:
			if err != nil && (errors.Is(err, eip.ErrNotRunning) || strings.Contains(r.Target, ".")) {
				return nil, Errorf(Failed, "the message was not taken: %v", err)
			}
			settled = nil // what went wrong in a flow is in the report
		case <-t.changed:
		case <-quiet:
			return report()
		case <-late:
			return report()
		case <-r.ctx.Done():
			return nil, s.over(r)
		}
	}
	return report()
}

// readers is how many flows of this process have what is put into a target, and
// whether other processes' may have it instead.
func (s *Server) readers(target string) (n int, outside bool) {
	for _, f := range s.Process.Flows() {
		if f.Name() == target || slices.Contains(f.From(), target) {
			n++
		}
	}
	for _, c := range s.Process.Channels() {
		outside = outside || c.Name == target && c.Outside
	}
	if strings.HasPrefix(target, "queue.") { // they compete
		n = min(n, 1)
	}
	return n, outside
}
