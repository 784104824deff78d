package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/visible"
)

// snapshot is what all processes say at one time, taken together.
type snapshot struct {
	at        time.Time
	instances []string
	lines     []*topLine
	lost      []string // brokers that are not connected
	wait      depths
	dead      deadLetters
	err       error // nobody answered
}

// topLine is one flow or stage in all processes.
type topLine struct {
	address, kind string
	counts        stats.Counts
	rate          control.Rate
	p50, p99      float64 // of the slowest process
	of, on        int     // processes that have a switch here, and those where it is on
	changed       bool    // it differs from the flow file
	until         time.Time
	wait          *control.Depth // of a channel; what else there is, is of flows and stages
	dead          *int           // dead letters of a flow that wait, where that is known
}

const flowKind = "flow"

// everybody is after how many looks to wait again for processes that have joined.
const everybody = 10

// look asks all processes.
func (t *topCommand) look(ctx context.Context, a *asked) *snapshot {
	hasty := t.bus
	if a.shared && t.expect == 0 && t.looks%everybody > 0 {
		hasty.expect = t.known
	}
	t.looks++
	var graphs, stats, states []control.Reply
	var failed [3]error
	var both sync.WaitGroup
	for i, into := range []*[]control.Reply{&graphs, &stats, &states} {
		both.Go(func() {
			c := t.command([]string{"list", "stats", "status"}[i], "", nil)
			failed[i] = hasty.ask(ctx, a, c, func(r control.Reply) error {
				*into = append(*into, r)
				return nil
			})
		})
	}
	both.Wait()
	s := &snapshot{at: time.Now(), err: cmp.Or(failed[0], failed[1]), wait: depths{}, dead: deadLetters{}}
	lines := map[string]*topLine{}
	for _, r := range graphs {
		s.addGraph(r, lines)
	}
	for _, r := range stats {
		s.addStats(r, lines)
	}
	for _, r := range states {
		s.addStatus(r, lines)
	}
	t.known = len(s.instances)
	slices.Sort(s.instances)
	for _, address := range addresses(lines) {
		s.lines = append(s.lines, lines[address])
	}
	s.addChannels()
	return s
}

// keeps is the flow whose dead letters are in a queue; "": none's.
func (s *snapshot) keeps(queue string) string {
	for _, d := range s.dead[queue] {
		return d.Flow
	}
	return ""
}

// addChannels adds what waits in channels after all flows.
func (s *snapshot) addChannels() {
	for _, name := range slices.Sorted(maps.Keys(s.wait)) {
		d := s.wait[name]
		kind, _, _ := strings.Cut(name, ".")
		s.lines = append(s.lines, &topLine{address: name, kind: kind, wait: &d})
	}
}

func (s *snapshot) addGraph(r control.Reply, lines map[string]*topLine) {
	var g control.Graph
	if err := r.Read(&g); err != nil {
		s.err = cmp.Or(s.err, error(failure{exitFailed, fmt.Errorf("%s: %w", visible.Line(r.Instance), err)}))
		return
	}
	s.instances = append(s.instances, r.Instance)
	at := func(address, kind string) *topLine {
		l := lines[address]
		if l == nil {
			l = &topLine{address: address, kind: kind}
			lines[address] = l
		}
		return l
	}
	for _, f := range g.Flows {
		l := at(f.Name, flowKind)
		l.of++
		if f.State == control.Running {
			l.on++
		}
		for _, st := range f.Stages {
			l := at(st.Address, st.Kind)
			l.changed = l.changed || len(st.Changed) > 0
			if on, isSwitch := st.Settable["enabled"].(bool); isSwitch {
				l.of++
				if on {
					l.on++
				}
				if c := st.Changed["enabled"]; c.Until != nil && c.Until.After(l.until) {
					l.until = *c.Until
				}
			}
		}
	}
}

func (s *snapshot) addStatus(r control.Reply, lines map[string]*topLine) {
	var st control.Status
	if r.Read(&st) != nil { // that is said of what it has
		return
	}
	for _, b := range st.Brokers {
		if !b.Connected {
			s.lost = append(s.lost, fmt.Sprintf("%s: broker %s is not connected", r.Instance, b.Name))
		}
	}
	s.wait.add(st.Depths)
	for _, d := range st.DeadLetters {
		s.dead[d.Queue] = append(s.dead[d.Queue], d)
		if l := lines[d.Flow]; l != nil && (l.dead == nil || *l.dead < d.Waiting) {
			l.dead = &d.Waiting
		}
	}
}

func (s *snapshot) addStats(r control.Reply, lines map[string]*topLine) {
	var all map[string]control.Stats
	if err := r.Read(&all); err != nil {
		s.err = cmp.Or(s.err, error(failure{exitFailed, fmt.Errorf("%s: %w", visible.Line(r.Instance), err)}))
		return
	}
	for address, of := range all {
		l := lines[address]
		if l == nil { // of a process that has not told what it is
			continue
		}
		c := &l.counts
		c.Received += of.Received
		c.Sent += of.Sent
		c.Failed += of.Failed
		c.Dropped += of.Dropped
		c.InFlight += of.InFlight
		if of.Rate != nil {
			l.rate.Received += of.Rate.Received
			l.rate.Sent += of.Rate.Sent
		}
		l.p50, l.p99 = max(l.p50, of.Latency.P50), max(l.p99, of.Latency.P99)
	}
}

// shown says how a line's switch stands.
func (l *topLine) shown(at time.Time) cell {
	if l.of == 0 {
		return cell{}
	}
	on, off := "on", "off"
	if l.kind == flowKind {
		on, off = "running", "stopped"
	}
	c := cell{text: on, style: green}
	switch {
	case l.on == 0:
		c = cell{text: off}
		if l.kind == flowKind {
			c.style = yellow
		}
	case l.on < l.of:
		c = cell{text: fmt.Sprintf("%s in %d of %d", on, l.on, l.of), style: yellow}
	}
	if left := l.until.Sub(at); left > 0 {
		c.text += " for " + briefly(left)
	}
	if l.changed {
		c.style = yellow
	}
	return c
}
