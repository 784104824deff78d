package control

import (
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

// list is the command of that name.
func (s *Server) list(r *request) (any, error) {
	flows, err := s.flows(r)
	if err != nil {
		return nil, err
	}
	g := Graph{Flows: []FlowNode{}, Channels: []Channel{}}
	named := map[string]bool{}
	for _, f := range flows {
		n := FlowNode{Name: f.Name(), Kind: f.Kind(), From: f.From(), To: f.To(), Stages: []StageNode{}}
		n.State, n.Why = StateOf(f)
		for _, st := range f.Stages() {
			n.Stages = append(n.Stages, s.describe(st))
		}
		for _, name := range append(f.From(), f.To()...) {
			named[name] = true
		}
		g.Flows = append(g.Flows, n)
	}
	for _, c := range s.Process.Channels() {
		if !c.Unused && (r.Target == "" || named[c.Name]) {
			g.Channels = append(g.Channels, c)
		}
	}
	own := s.settings.changed("")
	if level, ok := own[levelAttribute]; ok {
		g.LogLevel = &level
	}
	if every, ok := own[everyAttribute]; ok {
		g.StatisticsEvery = &every
	}
	return g, nil
}

// graph is the command of that name.
func (s *Server) graph(*request) (any, error) { return s.Process.Graph(), nil }

func (s *Server) describe(st Stage) StageNode {
	n := StageNode{Address: st.Address, Kind: st.Kind, Pattern: PatternOf(st.Kind, st.Named.Stage)}
	_, n.Remembers = st.Named.Stage.(store.Lister)
	if st.Settable != nil {
		n.Settable = st.Settable.Settable()
		n.Changed = s.settings.changed(st.Address)
	}
	return n
}

// PatternOf returns the name of the pattern that a stage is: the book's, which the
// stage says by a method Pattern where its kind has another name, else the kind's own
// in words.
func PatternOf(kind string, stage eip.Stage) string {
	if p, ok := stage.(interface{ Pattern() string }); ok {
		return p.Pattern()
	}
	words := strings.Split(kind, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}
