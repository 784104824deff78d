package main

import "time"

// topColumn is a column of the table of flows.
type topColumn struct {
	name string
	// of is its number in a line; false: there is none. nil: the column has no numbers.
	of func(*topLine) (n float64, known bool)
	// cell shows a line in it; nil: of as a whole number.
	cell func(l *topLine, at time.Time) cell
}

// topColumns are in an order by which what matters fits 80 letters.
var topColumns = []topColumn{
	{name: "ADDRESS", cell: func(l *topLine, _ time.Time) cell {
		if l.kind == flowKind {
			return cell{text: l.address, style: bold}
		}
		return cell{text: l.address}
	}},
	{name: "SWITCH", cell: (*topLine).shown},
	alarming("FAILED", busy(func(l *topLine) float64 { return float64(l.counts.Failed) })),
	alarming("DEAD", func(l *topLine) (float64, bool) {
		if l.dead == nil {
			return 0, false
		}
		return float64(*l.dead), true
	}),
	{name: "IN FLIGHT", of: busy(func(l *topLine) float64 { return float64(l.counts.InFlight) })},
	{name: "WAITING", of: func(l *topLine) (float64, bool) {
		if l.wait == nil {
			return 0, false
		}
		return float64(l.wait.Messages), true
	}},
	precise("IN/S", busy(func(l *topLine) float64 { return l.rate.Received })),
	precise("OUT/S", busy(func(l *topLine) float64 { return l.rate.Sent })),
	{name: "OLDEST", of: func(l *topLine) (float64, bool) {
		if l.wait == nil {
			return 0, false
		}
		return l.wait.Oldest, l.wait.Oldest > 0
	}, cell: func(l *topLine, _ time.Time) cell {
		if l.wait == nil {
			return cell{right: true}
		}
		return oldest(*l.wait)
	}},
	{name: "RECEIVED", of: busy(func(l *topLine) float64 { return float64(l.counts.Received) })},
	{name: "SENT", of: busy(func(l *topLine) float64 { return float64(l.counts.Sent) })},
	{name: "DROPPED", of: busy(func(l *topLine) float64 { return float64(l.counts.Dropped) })},
	precise("P50 MS", busy(func(l *topLine) float64 { return l.p50 })),
	precise("P99 MS", busy(func(l *topLine) float64 { return l.p99 })),
	{name: "KIND", cell: func(l *topLine, _ time.Time) cell { return cell{text: l.kind, style: faint} }},
}

// busy is a number that flows and stages have, and channels have not.
func busy(of func(*topLine) float64) func(*topLine) (float64, bool) {
	return func(l *topLine) (float64, bool) { return of(l), l.wait == nil }
}

// alarming is a column of numbers that are red unless they are 0.
func alarming(name string, of func(*topLine) (float64, bool)) topColumn {
	c := topColumn{name: name, of: of}
	c.cell = func(l *topLine, _ time.Time) cell {
		shown := c.whole(l)
		if n, _ := of(l); n > 0 {
			shown.style = red
		}
		return shown
	}
	return c
}

// precise is a column of numbers that have fractions.
func precise(name string, of func(*topLine) (float64, bool)) topColumn {
	return topColumn{name: name, of: of, cell: func(l *topLine, _ time.Time) cell {
		if n, known := of(l); known {
			return number(decimal(n))
		}
		return cell{right: true}
	}}
}

func (c topColumn) whole(l *topLine) cell {
	if n, known := c.of(l); known {
		return whole(int64(n))
	}
	return cell{right: true}
}

// grid shows lines of a snapshot.
func (s *snapshot) grid(lines []*topLine, colours bool) *grid {
	g := &grid{colours: colours, rows: [][]cell{nil}}
	for _, c := range topColumns {
		g.rows[0] = append(g.rows[0], head(c.name)...)
	}
	for _, l := range lines {
		var row []cell
		for _, c := range topColumns {
			if c.cell != nil {
				row = append(row, c.cell(l, s.at))
			} else {
				row = append(row, c.whole(l))
			}
		}
		g.add(row...)
	}
	return g
}

// nextColumn is the column to sort by behind another one, or before it.
func nextColumn(by int, back bool) int {
	step := 1
	if back {
		step = len(topColumns) - 1
	}
	for by = (by + step) % len(topColumns); by > 0 && topColumns[by].of == nil; {
		by = (by + step) % len(topColumns)
	}
	return by
}
