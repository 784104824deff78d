package graph

import (
	"fmt"
	"math"
	"strconv"
)

// A Moment is what running processes do, by addresses. What several say of one is added up.
type Moment struct {
	states  map[string][]string
	rates   map[string]float64
	flight  map[string]int64
	failed  map[string]int64
	waiting map[string]int
}

// NewMoment returns a Moment in which nothing is known.
func NewMoment() *Moment {
	return &Moment{states: map[string][]string{}, rates: map[string]float64{}, flight: map[string]int64{}, failed: map[string]int64{}, waiting: map[string]int{}}
}

// State says what a flow does in a process.
func (m *Moment) State(flow, state string) { m.states[flow] = append(m.states[flow], state) }

// Wait says how many messages wait in a channel. All processes see the same.
func (m *Moment) Wait(channel string, messages int) {
	m.waiting[channel] = max(m.waiting[channel], messages)
}

// Count says how many messages a second a flow or stage receives, how many are under way,
// and how many have failed.
func (m *Moment) Count(address string, rate float64, flight, failed int64) {
	m.rates[address] += rate
	m.flight[address] += flight
	m.failed[address] += failed
}

// running is the state that nobody needs to be told.
const running = "running"

// state is one of a flow's in several processes: running where it runs in one.
func state(all []string) string {
	for _, s := range all {
		if s == running {
			return s
		}
	}
	return all[0]
}

// Paint writes what is done into a Model.
func (m *Moment) Paint(model *Model) {
	sources := map[string]int{}
	for _, e := range model.Edges {
		if e.Kind != Reply {
			sources[e.To]++
		}
	}
	for i := range model.Nodes {
		n := &model.Nodes[i]
		if all := m.states[n.ID]; n.frame() && all != nil {
			if n.State = state(all); n.State == running {
				n.State = ""
			}
		}
		n.Rate, n.Wait = m.rates[n.ID], m.waiting[n.ID]
		if n.frame() {
			n.Flight, n.Failed = m.flight[n.ID], m.failed[n.ID]
		}
	}
	index := model.index()
	for i := range model.Edges {
		e := &model.Edges[i]
		switch from, to := index[e.From], index[e.To]; {
		case to.frame() && e.Kind == Message && sources[e.To] == 1:
			e.Rate = to.Rate
		case e.Kind == Request, e.Kind == Message && from.Kind == "send":
			e.Rate = from.Rate
		}
	}
}

// short writes a number with as many digits as people read.
func short(x float64) string {
	switch {
	case x >= 1e6:
		return strconv.FormatFloat(math.Round(x/1e5)/10, 'f', -1, 64) + "M"
	case x >= 1e4:
		return strconv.FormatFloat(math.Round(x/1e3), 'f', -1, 64) + "k"
	case x >= 10:
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

// doing says in a few words what happens at a node; "": nothing.
func (n *Node) doing() string {
	text := ""
	add := func(format string, args ...any) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf(format, args...)
	}
	if n.frame() && n.Rate > 0 {
		add("%s/s", short(n.Rate))
	}
	if n.Flight > 0 {
		add("%s in flight", short(float64(n.Flight)))
	}
	if n.Failed > 0 {
		add("%s failed", short(float64(n.Failed)))
	}
	if n.Wait > 0 {
		add("%s wait", short(float64(n.Wait)))
	}
	return text
}

// thickness is how wide an edge of a rate is drawn.
func thickness(rate float64) float64 { return min(6, 1.5+math.Log10(1+rate)) }
