package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A stateJob is work of a stage that remembers, from queue to queue.
type stateJob struct {
	name, what string
	file       string                                      // of eipd's flow
	id         func(i int) int                             // what the message i is told by
	results    func(n int) int                             // that n messages become
	each       int                                         // messages in a result
	hand       func(t *handTx, key, id, body []byte) error // what is done by hand with a message
	benthos    string                                      // its pipeline
}

// stateJobs are all. Of each 1000 messages, those of one group are 100 apart, and doubles
// are 500 apart.
var stateJobs = []stateJob{
	{name: "gather", what: "An aggregator of groups of ten", file: "state_gather.hcl", each: 10,
		id: func(i int) int { return i/1000*100 + i%100 }, results: func(n int) int { return n / 10 },
		hand: (*handTx).gather, benthos: benthosGather},
	{name: "once", what: "An idempotent receiver, to which each message comes twice", file: "state_once.hcl", each: 1,
		id: func(i int) int { return i/1000*500 + i%500 }, results: func(n int) int { return n / 2 },
		hand: (*handTx).once, benthos: benthosOnce},
}

// A mover does a job with n messages in a folder: fill puts them there, move is what is
// measured, and empty gives what came out.
type mover struct {
	name  string
	fill  func(j stateJob, dir string, n int) error
	move  func(j stateJob, dir string, n int) error
	empty func(j stateJob, dir string, n int, result func([]byte)) error
}

var movers = []mover{
	{"eipd", fillEipd, moveEipd, emptyEipd},
	{"bbolt_by_hand", fillHand, moveHand(64), emptyHand},
	{"bbolt_by_hand_1024", fillHand, moveHand(1024), emptyHand},
	{"benthos_in_memory", nil, moveBenthos, nil},
}

// worked is what a part cost.
type worked struct{ wall, cpu, disk float64 }

func overState(w io.Writer, o options) error {
	n := o.messages / 1000 * 1000
	if n == 0 {
		n = max(1, int(o.each.Seconds()*20)) * 1000
	}
	for _, j := range stateJobs {
		if err := j.compare(w, n, o.rounds); err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
	}
	return nil
}

func (j stateJob) compare(w io.Writer, n, rounds int) error {
	all, foreign, err := inTurn(rounds, movers, func(m mover) string { return m.name }, machineTimes, func(m mover) (worked, error) { return m.measure(j, n) })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s: %d JSON messages of 1024 bytes.\n", j.what, n)
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. × are medians of the rounds' own ratios to %s.\n", rounds, movers[1].name)
	fmt.Fprint(w, foreign)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "contestant\tmessages/s\t× rate\tCPU µs/message\t× CPU\tdisk bytes/message\t× disk")
	hand := all[movers[1].name]
	rate := func(c worked) float64 { return 1e9 / c.wall }
	cpu := func(c worked) float64 { return c.cpu / 1e3 }
	disk := func(c worked) float64 { return c.disk }
	for _, m := range movers {
		c := all[m.name]
		fmt.Fprintf(table, "%s\t%s\t%.2f\t%s\t%.2f\t%s\t%.2f\n", m.name, spread(column(c, rate), "%.0f"), ratio(c, hand, rate),
			spread(column(c, cpu), "%.1f"), ratio(c, hand, cpu), spread(column(c, disk), "%.0f"), ratio(c, hand, disk))
	}
	return table.Flush()
}

func (m mover) measure(j stateJob, n int) (c worked, err error) {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return c, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if m.fill != nil {
		if err := m.fill(j, dir, n); err != nil {
			return c, fmt.Errorf("fill: %w", err)
		}
	}
	cpu, disk, start := cpuTime(), written(), time.Now()
	if err := m.move(j, dir, n); err != nil {
		return c, err
	}
	each := float64(n)
	c = worked{wall: float64(time.Since(start)) / each, cpu: float64(cpuTime()-cpu) / each, disk: float64(written()-disk) / each}
	if m.empty == nil {
		return c, nil
	}
	seen := newResults(j, n)
	if err := m.empty(j, dir, n, seen.add); err != nil {
		return c, fmt.Errorf("empty: %w", err)
	}
	return c, seen.check()
}

// written is what this process has had written to disks so far, in bytes.
func written() (n int64) {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, _ = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		}
	}
	return n
}

// message is the i-th one of a job.
func (j stateJob) message(i int) []byte { return numbered(j.id(i)) }

// results are what came out of a job.
type results struct {
	job  stateJob
	n    int
	seen map[int]bool
	err  error
}

func newResults(j stateJob, n int) *results { return &results{j, n, map[int]bool{}, nil} }

// add notes a result: the message, or the list of ten.
func (r *results) add(body []byte) {
	got := string(body)
	if r.job.each > 1 {
		got = strings.TrimSuffix(strings.TrimPrefix(got, "["), "]")
	}
	id, err := strconv.Atoi(got[min(number, len(got)):min(number+24, len(got))])
	switch {
	case r.err != nil:
	case err != nil || got != strings.TrimSuffix(strings.Repeat(string(numbered(id))+",", r.job.each), ","):
		r.err = fmt.Errorf("a result is not what it should be: %.200s", body)
	case r.seen[id]:
		r.err = fmt.Errorf("result %d came twice", id)
	}
	r.seen[id] = true
}

func (r *results) check() error {
	if r.err == nil && len(r.seen) != r.job.results(r.n) {
		return fmt.Errorf("there are %d results, not %d", len(r.seen), r.job.results(r.n))
	}
	return r.err
}
