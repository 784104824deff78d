// Package graph is the picture of flows: a [Model] of what leads where, built from flow
// files, and its drawings as SVG, Mermaid, Graphviz' dot, and text. Nothing here connects to
// anything, and nothing depends on chance or on the machine: the same files give the same
// bytes.
package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kinds of nodes beside those of stages, which flow files name.
const (
	KindQueue        = "queue"
	KindTopic        = "topic"
	KindSubscription = "subscription" // of a topic, where a flow names one
	KindAdapter      = "adapter"
	KindFlow         = "flow"
	KindService      = "service"
	KindBranch       = "branch"      // of a stage: a router's way, or a body with a name
	KindInterceptor  = "interceptor" // stages of a flow before what it sends
	KindBroker       = "broker"
	KindUnknown      = "unknown" // an address that an expression makes
)

// Kinds of edges.
const (
	Message    = "message"
	Copy       = "copy" // of a wire tap
	Request    = "request"
	Reply      = "reply"
	DeadLetter = "dead_letter"
	Invalid    = "invalid"
	Discard    = "discard" // what a stage lets not pass
	Expired    = "expired" // what a broker gives up
)

// A Node is a channel, an adapter, a flow, or something in one. A Model's Nodes and Edges
// are in the order of the flow files.
type Node struct {
	ID   string `json:"id"` // its address, as in statistics, logs and traces
	Kind string `json:"kind"`
	In   string `json:"in,omitempty"` // the ID of the flow, stage or branch around it
	// Name is its label in the files; "" where it has none.
	Name        string   `json:"name,omitempty"`
	Pattern     string   `json:"pattern,omitempty"`
	Order       int      `json:"order,omitempty"` // of a stage among those of its body, from 1
	Ends        bool     `json:"ends,omitempty"`  // of a stage: it may be the last one
	Broker      string   `json:"broker,omitempty"`
	Adapter     string   `json:"adapter,omitempty"` // its kind
	Concurrency int      `json:"concurrency,omitempty"`
	If          string   `json:"if,omitempty"`
	State       string   `json:"state,omitempty"`    // "off", or what a running flow is
	Implicit    bool     `json:"implicit,omitempty"` // no file names it
	May         []string `json:"may,omitempty"`      // of an unknown: all that it may be
	At          string   `json:"at,omitempty"`       // FILE:LINE

	stays []string // labels of the transitions of a state that lead to itself
	twin  bool     // the side of an adapter that is sent to, where it is read as well

	Rate   float64 `json:"rate,omitempty"`    // messages a second
	Flight int64   `json:"flight,omitempty"`  // under way in a flow
	Failed int64   `json:"failed,omitempty"`  // of a flow
	Wait   int     `json:"waiting,omitempty"` // in a channel
}

// An Edge leads from one node to another.
type Edge struct {
	ID    string  `json:"id"`
	From  string  `json:"from"`
	To    string  `json:"to"`
	Kind  string  `json:"kind"`
	Label string  `json:"label,omitempty"` // what a transition comes of
	Rate  float64 `json:"rate,omitempty"`  // messages a second
}

// A Model says how flows hang together.
type Model struct {
	V       int    `json:"v"`
	Version string `json:"version"` // of all but places, states and rates
	Nodes   []Node `json:"nodes"`
	Edges   []Edge `json:"edges"`
}

// failure reports whether an edge is the way of what failed.
func (e *Edge) failure() bool {
	return e.Kind == DeadLetter || e.Kind == Invalid || e.Kind == Expired
}

// address is the node's ID in the Model.
func (n *Node) address() string {
	if n.twin {
		return strings.TrimSuffix(n.ID, twinMark)
	}
	return n.ID
}

// stage reports whether the node is one of a flow's stages.
func (n *Node) stage() bool { return n.Order > 0 }

// channel reports whether messages wait in the node.
func (n *Node) channel() bool {
	return n.Kind == KindQueue || n.Kind == KindTopic || n.Kind == KindSubscription
}

// frame reports whether the node is a flow.
func (n *Node) frame() bool { return n.Kind == KindFlow || n.Kind == KindService }

func newEdge(from, to, kind string) Edge {
	id := from + ">" + to
	if kind != Message {
		id += ":" + kind
	}
	return Edge{ID: id, From: from, To: to, Kind: kind}
}

// seal gives the Model its version.
func (m *Model) seal() *Model {
	m.V = 1
	bare := Model{Nodes: slices.Clone(m.Nodes), Edges: slices.Clone(m.Edges)}
	for i := range bare.Nodes {
		n := &bare.Nodes[i]
		n.At, n.State, n.Rate, n.Flight, n.Failed, n.Wait = "", "", 0, 0, 0, 0
	}
	for i := range bare.Edges {
		bare.Edges[i].Rate = 0
	}
	text, _ := json.Marshal(bare)
	sum := sha256.Sum256(text)
	m.Version = "sha256:" + hex.EncodeToString(sum[:8])
	return m
}

// index finds nodes by their ID.
func (m *Model) index() map[string]*Node {
	all := make(map[string]*Node, len(m.Nodes))
	for i := range m.Nodes {
		all[m.Nodes[i].ID] = &m.Nodes[i]
	}
	return all
}

// Merge puts models of several processes together: a node that several have is one.
func Merge(all ...*Model) *Model {
	m := &Model{Nodes: []Node{}, Edges: []Edge{}}
	nodes, edges := map[string]bool{}, map[string]bool{}
	for _, one := range all {
		for _, n := range one.Nodes {
			if !nodes[n.ID] {
				nodes[n.ID] = true
				m.Nodes = append(m.Nodes, n)
			}
		}
		for _, e := range one.Edges {
			if !edges[e.ID] {
				edges[e.ID] = true
				m.Edges = append(m.Edges, e)
			}
		}
	}
	return m.seal()
}

// words is a kind as people read it.
func words(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

// Summary says in a sentence what a Model holds.
func (m *Model) Summary() string {
	n := map[string]int{}
	for i := range m.Nodes {
		switch node := &m.Nodes[i]; {
		case node.frame():
			n["flow"]++
		case node.Kind == KindQueue || node.Kind == KindTopic:
			n["channel"]++
		case node.Kind == KindAdapter:
			n["adapter"]++
		}
	}
	var parts []string
	for _, what := range slices.Backward(slices.Sorted(maps.Keys(n))) {
		text := fmt.Sprintf("%d %ss", n[what], what)
		if n[what] == 1 {
			text = "1 " + what
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
