package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// The contestants that others are compared with.
const (
	byHand = "by_hand"
	peer   = "benthos_batch_100"
)

// compare runs all contestants in turn, several rounds, and prints a table.
func compare(w io.Writer, each time.Duration, rounds, messages int) error {
	sizes := map[string]int{}
	for _, c := range contestants {
		const trial = 20_000
		s, err := measure(c, trial)
		if err != nil {
			return err
		}
		sizes[c.name] = messages
		if messages == 0 {
			sizes[c.name] = max(trial, int(each/max(s.wall, 1))/1000*1000)
		}
	}
	samples := map[string][]sample{}
	var foreign []float64
	for range rounds {
		before := machineTimes()
		for _, c := range contestants {
			s, err := measure(c, sizes[c.name])
			if err != nil {
				return err
			}
			samples[c.name] = append(samples[c.name], s)
		}
		foreign = append(foreign, machineTimes().foreignSince(before))
	}
	fmt.Fprintf(w, "\nSource, wire tap, content router on two fields, three sinks, in one process: JSON messages of %d bytes.\n", len(corpus().bodies[0]))
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. Ratios are medians of the rounds' own ratios, in time, above 1 is faster.\n", rounds)
	fmt.Fprintf(w, "Other processes used %.0f %% of the machine (median; at most %.0f %%).\n\n", median(foreign), slices.Max(foreign))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "contestant\tns/message\tCPU ns/message\tmessages/s\tallocs\tbytes\ttapped\t× by hand\t× benthos 100\tmessages")
	for _, c := range contestants {
		s := samples[c.name]
		wall := pick(s, func(s sample) float64 { return float64(s.wall) })
		fmt.Fprintf(table, "%s\t%.0f (%.0f–%.0f)\t%.0f\t%.0fk\t%.1f\t%.0f\t%.0f %%\t%.2f\t%.2f\t%d\n",
			c.name, median(wall), slices.Min(wall), slices.Max(wall),
			median(pick(s, func(s sample) float64 { return float64(s.cpu) })), 1e6/median(wall),
			median(pick(s, func(s sample) float64 { return s.allocs })), median(pick(s, func(s sample) float64 { return s.bytes })),
			100*median(pick(s, func(s sample) float64 { return s.tapped })),
			ratio(samples[byHand], s), ratio(samples[peer], s), sizes[c.name])
	}
	return table.Flush()
}

// ratio is how many times faster b was than a.
func ratio(a, b []sample) float64 {
	each := make([]float64, len(a))
	for i := range a {
		each[i] = float64(a[i].wall) / float64(b[i].wall)
	}
	return median(each)
}

func pick(s []sample, what func(sample) float64) []float64 {
	v := make([]float64, len(s))
	for i := range s {
		v[i] = what(s[i])
	}
	return v
}

func median[T cmp.Ordered](v []T) T {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
