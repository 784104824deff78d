package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/eipd/eipd/eip/stats"
)

// small is a message of some bytes, which is told by a number.
func small(id int) []byte { return fmt.Appendf(nil, `{"id":"%024d"}`, id) }

// overLargeState measures what large groups and many of them cost.
func overLargeState(w io.Writer, o options) error {
	n := o.messages
	if n == 0 {
		n = 1_000_000
	}
	if err := groupSizes(w, n); err != nil {
		return err
	}
	return manyOpen(w, n)
}

// groupSizes gathers n parts, in groups of one, of a thousand, and in one of all.
func groupSizes(w io.Writer, n int) error {
	fmt.Fprintf(w, "\n%d parts in groups of some size:\n\n", n)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "parts a group\tµs/part\tCPU µs/part\tµs/part, the first tenth\tthe last tenth\tothers used")
	for _, size := range []int{1, 1000, n} {
		dir, err := os.MkdirTemp("", "eipd-bench-")
		if err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		var first, last time.Duration // until a tenth, and nine of ten, had come
		before, cpu, start := machineTimes(), cpuTime(), time.Now()
		f := &filling{n: n, make: func(i int) []byte { return small(i / size) }, result: func([]byte) {}, size: size}
		err = runState("state_size.hcl", dir, f, func(c stats.Counts) bool {
			switch {
			case first == 0 && c.Absorbed >= int64(n/10):
				first = time.Since(start)
			case last == 0 && c.Absorbed >= int64(n-n/10):
				last = time.Since(start)
			}
			return sent((n + size - 1) / size)(c)
		})
		took := time.Since(start)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
		micros := func(d time.Duration, parts int) float64 { return float64(d) / 1e3 / float64(parts) }
		fmt.Fprintf(table, "%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.0f %%\n", size, micros(took, n), micros(cpuTime()-cpu, n), micros(first, n/10),
			micros(took-last, n/10), machineTimes().foreignSince(before))
	}
	return table.Flush()
}

// manyOpen starts eipd where n groups are open and n messages wait.
func manyOpen(w io.Writer, n int) (err error) {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bin, work := filepath.Join(dir, "eipd"), filepath.Join(dir, "work")
	if err := buildEipd(bin, "-s -w"); err != nil {
		return err
	}
	source, err := os.ReadFile("state_open.hcl")
	if err != nil {
		return fmt.Errorf("read flows: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(work, "flows"), 0o755); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	// eipd has no such adapter: the same stages, with queues before them.
	text := strings.NewReplacer(`adapter "bench_parts"`, "queue", "adapter.", "queue.").Replace(string(source))
	if err := os.WriteFile(filepath.Join(work, "flows", "open.hcl"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write flows: %w", err)
	}
	f := &filling{n: n, make: small}
	if err := runStates("state_open.hcl", filepath.Join(work, ".eipd"), f, func(all []stats.Counts) bool {
		return !slices.ContainsFunc(all, func(c stats.Counts) bool { return c.Absorbed < int64(n) })
	}); err != nil {
		return err
	}
	var all []start
	for range 3 {
		s, err := startOnce(bin, work)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	fmt.Fprintf(w, "\nA start where %s groups are open and as many messages wait; three of them:\n\n", strconv.Itoa(n))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "start\tready ms\tCPU ms to rest\tRSS at rest, MiB")
	row(table, "with all of that", all)
	return table.Flush()
}
