package control

import (
	"os"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// Status is the result of the command of that name.
type Status struct {
	Instance string    `json:"instance"`
	Labels   []string  `json:"labels,omitempty"`
	Time     time.Time `json:"time"`
	PID      int       `json:"pid"`
	Version  string    `json:"version"`
	Uptime   float64   `json:"uptime_s"`
	State    string    `json:"state"` // "starting", "running" or "draining"
	Files    []string  `json:"files"`
	Flows    []string  `json:"flows"`
	Stopped  []string  `json:"stopped,omitempty"` // of the flows
	Standby  []string  `json:"standby,omitempty"` // of the flows: another process runs them
	// Unapplied are flow files that were applied before the process started, and could
	// not be applied again.
	Unapplied []FileState `json:"unapplied,omitempty"`
	// Hindered are the flows that are refused or waiting.
	Hindered []FlowState `json:"hindered,omitempty"`
	Plugins  []Plugin    `json:"plugins,omitempty"`
	Brokers  []Broker    `json:"brokers"`
	Stores   []Store     `json:"stores,omitempty"`
	Depths   []Depth     `json:"depths,omitempty"`
	// DeadLetters are those of the flows, of which the broker tells how many wait.
	DeadLetters []DeadLetters `json:"dead_letters,omitempty"`
	// Left are the processes that said within the last hour that they end.
	Left []Departure `json:"left,omitempty"`
	// Control says where commands come from, or why not.
	Control []Listening `json:"control"`
}

// DeadLetters is how many dead letters wait in a flow's queue for them. Flows may share one.
type DeadLetters struct {
	Flow    string `json:"flow"`
	Queue   string `json:"queue"` // "queue.orders.dead"
	Waiting int    `json:"waiting"`
	// Error is why the last message of the flow failed for good, and Failed when, where one
	// has since the process began to run the flow.
	Error  string    `json:"error,omitempty"`
	Failed time.Time `json:"failed,omitzero"`
}

// FlowState says why a flow does not work.
type FlowState struct {
	Flow  string `json:"flow"`
	State State  `json:"state"`
	Why   string `json:"why"`
}

// A Plugin is one that messages are dispatched to.
type Plugin struct {
	Address string      `json:"address"`
	State   PluginState `json:"state"`
	Why     string      `json:"why,omitempty"` // it has failed
}

// PluginState says whether a plugin works.
type PluginState string

// The states of a plugin.
const (
	PluginReady  PluginState = "ready"
	PluginFailed PluginState = "failed"
)

// FileState says why a flow file is not applied.
type FileState struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// Listening is one way by which commands reach the process.
type Listening struct {
	On    string `json:"on"` // "socket" or "topic"
	At    string `json:"at"` // a path or an address
	State string `json:"state"`
}

// status is the command of that name.
func (s *Server) status(*request) (any, error) {
	st := Status{Instance: s.Instance, Labels: s.Labels, Time: s.Clock.Now(), PID: os.Getpid(), Version: s.Version, Uptime: time.Since(s.started).Seconds(),
		State: "running", Depths: s.Process.Depths(), Left: s.fleet.departures(s.Clock.Now()), Brokers: s.Process.Brokers(), Stores: s.Process.Stores(), Files: s.Process.Files(), Unapplied: s.Process.Unapplied(), Flows: []string{}, Control: []Listening{}}
	for _, f := range s.Process.Flows() {
		st.Flows = append(st.Flows, f.Name())
		st.Plugins = append(st.Plugins, f.Plugins()...)
		queue := f.DeadLetterQueue()
		if i := slices.IndexFunc(st.Depths, func(d Depth) bool { return d.Channel == queue }); i >= 0 {
			st.DeadLetters = append(st.DeadLetters, s.deadLetters(f, queue, st.Depths[i].Messages))
		}
		switch state, why := StateOf(f); {
		case why != "":
			st.Hindered = append(st.Hindered, FlowState{f.Name(), state, why})
		case state == Standby:
			st.Standby = append(st.Standby, f.Name())
		case state != Running && state != Starting:
			st.Stopped = append(st.Stopped, f.Name())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listening {
		st.Control = append(st.Control, *l)
	}
	if s.starting() {
		st.State = "starting"
	} else if s.Process.Draining() || s.draining && len(st.Stopped) == len(st.Flows) {
		st.State = "draining"
	}
	return st, nil
}

// deadLetters says how many wait, and why the last one failed that the process knows of.
func (s *Server) deadLetters(f Flow, queue string, waiting int) DeadLetters {
	of := DeadLetters{Flow: f.Name(), Queue: queue, Waiting: waiting}
	if why := f.LastFailure(); why != nil && waiting > 0 {
		last := s.letter(&eip.Message{Headers: why})
		of.Error, _ = last.Message.Headers[header.Error].(string)
		of.Failed = last.Failed
	}
	return of
}
