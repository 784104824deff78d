package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

// statistics are what a reply to stats says of one address.
type statistics struct {
	control.Stats
	Branches map[string]int64 `json:"branches"`
	Own      map[string]int64 `json:"counts"`
	// RoundTrip is a smart proxy's.
	RoundTrip *control.Latency `json:"round_trip_ms"`
}

// isTraffic reports whether s is about a channel or an adapter, of which there are
// fewer figures.
func (s statistics) isTraffic() bool { return s.Rate == nil }

func after(later bool) int {
	if later {
		return 1
	}
	return 0
}

// stats prints counts and times, one table a process.
func (v *viewer) stats(replies []control.Reply) error {
	for i, r := range replies {
		v.title([]control.Reply{r}, len(replies), i == 0)
		var all map[string]statistics
		if err := r.Read(&all); err != nil {
			return err
		}
		if err := v.counts(all); err != nil {
			return err
		}
	}
	return nil
}

func (v *viewer) counts(all map[string]statistics) error {
	g := v.grid("ADDRESS", "RECEIVED", "SENT", "FAILED", "DROPPED", "IN FLIGHT", "RETRIED", "PER SECOND", "P50 MS", "P90 MS", "P99 MS")
	var more []string
	shown := addresses(all)
	slices.SortStableFunc(shown, func(a, b string) int { return after(all[a].isTraffic()) - after(all[b].isTraffic()) })
	for _, address := range shown {
		s := all[address]
		c := s.Counts
		name := cell{text: address}
		switch flow, _, within := strings.Cut(address, "."); {
		case s.isTraffic():
		case !within:
			name.style = bold
		case all[flow].Rate != nil:
			name.text = between + address
		}
		row := []cell{name, whole(c.Received), whole(c.Sent), whole(c.Failed), {}, whole(c.InFlight)}
		if c.Failed > 0 {
			row[3].style = red
		}
		if !s.isTraffic() {
			row[4] = whole(c.Dropped)
			row = append(row, whole(c.Retried), number(decimal(s.Rate.Received)), number(decimal(s.Latency.P50)), number(decimal(s.Latency.P90)), number(decimal(s.Latency.P99)))
		}
		g.add(row...)
		if details := s.details(); details != "" {
			more = append(more, address+": "+details)
		}
	}
	if err := g.print(v.out); err != nil {
		return err
	}
	for _, line := range more {
		fmt.Fprintln(v.out, styled(line, plain, v.colours))
	}
	return nil
}

// details are what only some stages have, and the columns do not show.
func (s statistics) details() string {
	var parts []string
	add := func(counts map[string]int64, shown map[string]int64) {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			_, branch := s.Branches[name]
			if n := counts[name]; n != shown[name] && (shown == nil || !branch) {
				parts = append(parts, fmt.Sprintf("%s %d", name, n))
			}
		}
	}
	add(s.Branches, nil)
	c := s.Counts
	add(s.Own, map[string]int64{"received": c.Received, "sent": c.Sent, "passed": c.Sent, "failed": c.Failed, "dropped": c.Dropped, "in_flight": c.InFlight})
	if t := s.RoundTrip; t != nil {
		parts = append(parts, fmt.Sprintf("round trip min %s, mean %s, p99 %s, max %s ms", decimal(t.Min), decimal(t.Mean), decimal(t.P99), decimal(t.Max)))
	}
	if t := s.Tests; t != nil {
		parts = append(parts, fmt.Sprintf("tests received %d, sent %d, failed %d, dropped %d, in flight %d", t.Received, t.Sent, t.Failed, t.Dropped, t.InFlight))
	}
	return strings.Join(parts, ", ")
}

// addresses sorts flows before their stages.
func addresses[V any](all map[string]V) []string {
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return slices.Compare(strings.Split(a, "."), strings.Split(b, "."))
	})
}

func whole(n int64) cell { return number(strconv.FormatInt(n, 10)) }

// decimal writes about three digits, which is what is known.
func decimal(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// inject prints what became of messages that were put in.
func (v *viewer) inject(replies []control.Reply) error {
	g := v.grid("INSTANCE", "MESSAGE", "OUTCOME", "FLOW", "AT", "AFTER MS", "BODY")
	for _, r := range replies {
		var in struct {
			control.Injected
			Test *struct {
				control.Report
				Ends []struct {
					control.End
					Body json.RawMessage `json:"body"`
				} `json:"ends"`
			} `json:"test"`
		}
		if err := r.Read(&in); err != nil {
			return err
		}
		if in.Test == nil {
			g.add(texts(r.Instance, in.ID, "put in", "", r.Target, "", "")...)
			continue
		}
		if len(in.Test.Ends) == 0 {
			g.add(texts(r.Instance, in.ID, string(in.Test.Outcome), strings.Join(in.Test.Flows, ", "), "", decimal(in.Test.After), "")...)
		}
		for _, e := range in.Test.Ends {
			at := e.To
			switch {
			case e.Stage != "":
				at = e.Stage
			case e.KeptOut:
				at += " (kept out)"
			}
			outcome := cell{text: string(e.Outcome), style: green}
			if e.Error != "" {
				outcome.style = red
				at += ": " + e.Error
			}
			g.add(cell{text: r.Instance}, cell{text: in.ID}, outcome, cell{text: e.Flow}, cell{text: at}, number(decimal(e.After)), cell{text: string(e.Body)})
		}
	}
	return g.print(v.out)
}

// depths are what waits in channels, by their names. Processes tell of the same ones,
// not quite at the same time.
type depths map[string]control.Depth

func (d depths) add(of []control.Depth) {
	for _, c := range of {
		name := c.Channel
		if c.Subscription != "" {
			name += " (" + c.Subscription + ")"
		}
		if c.Messages >= d[name].Messages {
			d[name] = c
		}
	}
}

// deadLetters are what waits in queues of dead letters, by the queues' names.
type deadLetters map[string][]control.DeadLetters

func (d deadLetters) add(of []control.DeadLetters) {
	for _, one := range of {
		if one.Waiting > 0 {
			d[one.Queue] = append(d[one.Queue], one)
		}
	}
}

// lines say of each queue how many wait, why the last one failed that is known, and what
// shows more.
func (d deadLetters) lines() (all []string) {
	for _, queue := range slices.Sorted(maps.Keys(d)) {
		waiting, last, flows := 0, control.DeadLetters{}, map[string]bool{}
		for _, one := range d[queue] {
			flows[one.Flow] = true
			if waiting = max(waiting, one.Waiting); one.Failed.After(last.Failed) {
				last = one
			}
		}
		next := "eipd dlq"
		if len(flows) == 1 {
			next += " " + d[queue][0].Flow
		}
		line := fmt.Sprintf("%s: %s; see %s", queue, count(waiting, "dead letter"), next)
		if last.Error != "" {
			line += fmt.Sprintf(" (the last, %s ago: %s)", ago(last.Failed), last.Error)
		}
		all = append(all, visible.Line(line))
	}
	return all
}

// mostEmpty is how many channels in which nothing waits are worth a line each.
const mostEmpty = 20

func (v *viewer) depths(wait depths) error {
	if len(wait) == 0 {
		return nil
	}
	g := v.grid("CHANNEL", "WAITING", "OLDEST")
	empty := 0
	for _, name := range slices.Sorted(maps.Keys(wait)) {
		d := wait[name]
		if d.Messages == 0 {
			empty++
		}
		if d.Messages > 0 || len(wait) <= mostEmpty {
			g.add(cell{text: name}, whole(int64(d.Messages)), oldest(d))
		}
	}
	fmt.Fprintln(v.out)
	if len(wait) > mostEmpty && empty > 0 {
		defer fmt.Fprintf(v.out, "nothing waits in %s\n", count(empty, "other channel"))
	}
	if len(g.rows) == 1 {
		return nil
	}
	return g.print(v.out)
}

// oldest says how long a message has waited, where that is known.
func oldest(d control.Depth) cell {
	if d.Oldest == 0 {
		return cell{right: true}
	}
	return number(briefly(time.Duration(d.Oldest * float64(time.Second))))
}
