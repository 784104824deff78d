package host

import (
	"errors"
	"iter"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

var _ control.Flow = (*flowRun)(nil)

// Name is the flow's.
func (r *flowRun) Name() string { return r.decl.Name }

// Kind says which block declares it.
func (r *flowRun) Kind() string {
	if r.decl.Service != nil {
		return "service"
	}
	return "flow"
}

// From returns what the flow reads.
func (r *flowRun) From() []string {
	names := make([]string, len(r.decl.From))
	for i, f := range r.decl.From {
		names[i] = f.String()
	}
	return names
}

// To returns what the flow sends to, but for what failed.
func (r *flowRun) To() []string {
	names := []string{}
	for _, e := range r.decl.Endpoints {
		if r.decl.SendsTo(e.Ref) {
			names = append(names, e.String())
		}
	}
	return names
}

// Stages returns the flow's stages.
func (r *flowRun) Stages() (all []control.Stage) {
	for n := range eip.Walk(r.decl.Stages()) {
		st := control.Stage{Named: n, Kind: r.decl.StageKind(n.Address)}
		if s, ok := schema.SettableOf(n.Stage); ok {
			st.Settable = s
		}
		all = append(all, st)
	}
	return all
}

// Plugins returns the plugins of the flow's stages.
func (r *flowRun) Plugins() (all []control.Plugin) {
	for n, s := range eip.Walk(r.decl.Stages()) {
		d, ok := s.(interface {
			Plugins() iter.Seq2[string, error]
		})
		if !ok {
			continue
		}
		for name, why := range d.Plugins() {
			p := control.Plugin{Address: n.Address + "." + name, State: control.PluginReady}
			if why != nil {
				p.State, p.Why = control.PluginFailed, r.unit.host.secrets.Hide(why.Error())
			}
			all = append(all, p)
		}
	}
	return all
}

// Counts returns what became of the flow's messages.
func (r *flowRun) Counts() (business, tests stats.Counts) { return r.flow.Counts() }

// Latency returns how long messages took.
func (r *flowRun) Latency() *stats.Histogram { return r.flow.Latency() }

// Watch has f see every message that the flow receives.
func (r *flowRun) Watch(f func(*eip.Message)) { r.flow.Watch(f) }

// Inject passes m through the flow.
func (r *flowRun) Inject(m *eip.Message) error {
	return r.flow.Inject(m.With(func(m *eip.Message) {
		if m.Channel == "" {
			m.Channel = "control_bus"
		}
	}))
}

// Replay passes a dead letter through the flow.
func (r *flowRun) Replay(m *eip.Message, failed func(error)) error { return r.flow.Replay(m, failed) }

// traced tells the control bus what became of a Test Message.
func (r *flowRun) traced(m *eip.Message, how stats.Outcome, err error) {
	s := control.Step{Flow: r.decl.Name, Outcome: how, Err: err, Message: m}
	var at *eip.StageError
	if errors.As(err, &at) {
		s.Stage = at.Address
	}
	r.unit.host.step(s)
}

// sentTo tells the control bus where a Test Message came out.
func (r *flowRun) sentTo(to flow.Ref, m *eip.Message, keptOut bool) {
	s := control.Step{Flow: r.decl.Name, To: to.String(), KeptOut: keptOut, Message: m}
	if ch := r.config.Channels[to.String()]; ch != nil {
		s.Outside = !r.config.BrokerOf(ch).Inside()
		for _, other := range r.unit.host.flows() {
			if slices.Contains(other.From(), to.String()) {
				s.Readers++
			}
		}
		if ch.Kind == "queue" { // they compete
			s.Readers = min(s.Readers, 1)
		}
	}
	r.unit.host.step(s)
}

// discreet returns the error that a message of the flow failed with as it may be
// seen outside.
func (r *flowRun) discreet(m *eip.Message, err error) error {
	return r.unit.host.secrets.Error(r.unit.host.control.Discreet(m, err))
}
