package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// compare runs contestants in turn, several rounds, and prints a table. The last
// columns compare with those that are named.
func compare(w io.Writer, title string, contestants []contestant, with []string, o options) error {
	sizes, err := trial(contestants, o)
	if err != nil {
		return err
	}
	all, foreign, err := inTurn(o.rounds, contestants, func(c contestant) string { return c.name }, machineTimes, func(c contestant) (sample, error) { return measure(c, sizes[c.name]) })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s JSON messages of %d bytes.\n", title, len(corpus().bodies[0]))
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. × are medians of the rounds' own ratios in time; above 1 is faster.\n", o.rounds)
	fmt.Fprint(w, foreign)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "contestant\tns/message\tCPU ns/message\tmessages/s\tallocs\tbytes\ttapped\tmessages\t× %s\n", strings.Join(with, "\t× "))
	for _, c := range contestants {
		fmt.Fprintf(table, "%s\t%s\t%d", c.name, runs(all[c.name]), sizes[c.name])
		for _, other := range with {
			fmt.Fprintf(table, "\t%.2f", runs(all[c.name]).timesAsFastAs(all[other]))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// inTurn has contestants run in turn, several rounds, each of which another one begins: what
// one leaves behind may slow the next. It returns all runs by the contestants' names.
func inTurn[C, R any](rounds int, of []C, name func(C) string, times func() processorTimes, run func(C) (R, error)) (all map[string][]R, f foreign, err error) {
	all = map[string][]R{}
	for round := range rounds {
		before, first := times(), round%len(of)
		for _, c := range slices.Concat(of[first:], of[:first]) {
			r, err := run(c)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name(c), err)
			}
			all[name(c)] = append(all[name(c)], r)
		}
		f = append(f, times().foreignSince(before))
	}
	return all, f, nil
}

// foreign is how much of the machine others used in each round, in percent.
type foreign []float64

// String is a line of a table's head, and an empty one.
func (f foreign) String() string {
	return fmt.Sprintf("Other processes used %.0f %% of the machine (median; at most %.0f %%).\n\n", median(f), slices.Max(f))
}

// trial finds how many messages each contestant is to run.
func trial(contestants []contestant, o options) (map[string]int, error) {
	const few = 20_000
	sizes := map[string]int{}
	for _, c := range contestants {
		s, err := measure(c, few)
		if err != nil {
			return nil, err
		}
		sizes[c.name] = o.messages
		if o.messages == 0 {
			sizes[c.name] = max(few, int(o.each/max(s.wall, 1))/1000*1000)
		}
	}
	return sizes, nil
}

// runs are all that one contestant did.
type runs []sample

// String is the columns of a table.
func (r runs) String() string {
	wall := r.column(func(s sample) float64 { return float64(s.wall) })
	middle := func(what func(sample) float64) float64 { return median(r.column(what)) }
	tapped := "–"
	if part := middle(func(s sample) float64 { return s.tapped }); part > 0 {
		tapped = fmt.Sprintf("%.0f %%", 100*part)
	}
	return fmt.Sprintf("%.0f (%.0f–%.0f)\t%.0f\t%.0fk\t%.1f\t%.0f\t%s",
		median(wall), slices.Min(wall), slices.Max(wall), middle(func(s sample) float64 { return float64(s.cpu) }), 1e6/median(wall),
		middle(func(s sample) float64 { return s.allocs }), middle(func(s sample) float64 { return s.bytes }), tapped)
}

func (r runs) column(what func(sample) float64) []float64 { return column(r, what) }

func (r runs) timesAsFastAs(other runs) float64 {
	return ratio(other, r, func(s sample) float64 { return float64(s.wall) })
}

// column is one figure of each run.
func column[T any](runs []T, what func(T) float64) []float64 {
	v := make([]float64, len(runs))
	for i := range runs {
		v[i] = what(runs[i])
	}
	return v
}

// ratio is the median of what runs have for each that others have, round by round.
func ratio[T any](runs, others []T, what func(T) float64) float64 {
	each := column(runs, what)
	for i, other := range column(others, what) {
		each[i] /= other
	}
	return median(each)
}

// spread is the median, and in brackets least and most.
func spread(v []float64, format string) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(v), slices.Min(v), slices.Max(v))
}

func median[T cmp.Ordered](v []T) T {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
