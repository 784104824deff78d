package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A job is work that is done between a RabbitMQ node's queues.
type job struct {
	name, title string
	belongs     func(route) []string
	peers       []string
}

var jobs = []job{
	{"bridge", "From one queue to another", func(route) []string { return []string{"out"} },
		[]string{"eipd", "hand", "benthos", "watermill", "shovel"}},
	{"router", "Content router on two fields, from a queue to three", func(r route) []string { return []string{routeNames[r]} },
		[]string{"eipd", "hand", "benthos", "watermill"}},
	{"tap", "Wire tap that drops nothing, and the router: four queues", func(r route) []string { return []string{"audit", routeNames[r]} },
		[]string{"eipd", "hand", "benthos", "watermill"}},
}

// bench is a node, and the contestants' programs in a folder.
type bench struct {
	node *node
	dir  string
	work
}

// A moved is what one run over the node's queues took, for each message.
type moved struct {
	rate        float64 // messages a second
	cpu, broker time.Duration
	memory      int64
	ordered     bool
}

// onRabbit lets run measure over a node of RabbitMQ, of this version, if there is one.
func onRabbit(w io.Writer, run func(b *bench, version any) error) (err error) {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	n, err := startNode()
	if errors.Is(err, errMissing) {
		fmt.Fprintf(w, "\nRabbitMQ: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := buildPeers(dir); err != nil {
		return err
	}
	conn, err := n.connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	b := &bench{node: n, dir: dir}
	if b.ch, err = conn.Channel(); err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	return run(b, conn.Properties["version"])
}

// overRabbit measures everything that goes over RabbitMQ.
func overRabbit(w io.Writer, o options) error {
	return onRabbit(w, func(b *bench, version any) error {
		if err := b.ch.Confirm(false); err != nil {
			return fmt.Errorf("ask for confirms: %w", err)
		}
		if b.n = o.messages; b.n == 0 {
			b.n = int(10_000 * o.each.Seconds())
		}
		fmt.Fprintf(w, "\nRabbitMQ %s on the same machine, durable classic queues, %s.\n", version, versions(filepath.Join(b.dir, "hand"), filepath.Join(b.dir, "benthos"), filepath.Join(b.dir, "watermill")))
		for _, j := range jobs {
			if err := b.compare(w, j, o.rounds); err != nil {
				return err
			}
		}
		return b.compareCalls(w, o)
	})
}

// compare runs a job's contestants in turn, several rounds, and prints a table.
func (b *bench) compare(w io.Writer, j job, rounds int) error {
	all, foreign, err := inTurn(rounds, j.peers, func(peer string) string { return peer }, b.machineTimes, func(peer string) (moved, error) { return b.move(peer, j) })
	if err != nil {
		return fmt.Errorf("%s, %w", j.name, err)
	}
	fmt.Fprintf(w, "\n%s: %d persistent JSON messages of 1024 bytes, at least once.\n", j.title, b.n)
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. × are medians of the rounds' own ratios to hand.\n", rounds)
	fmt.Fprint(w, foreign)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "contestant\tmessages/s\t× rate\tclient CPU µs\t× CPU\tbroker CPU µs\tpeak MiB\tin order")
	for _, peer := range j.peers {
		fmt.Fprintf(table, "%s\t%s\n", peer, movedRow(all[peer], all["hand"]))
	}
	return table.Flush()
}

func movedRow(runs, hand []moved) string {
	rate := func(m moved) float64 { return m.rate }
	cpu := func(m moved) float64 { return float64(m.cpu) / 1e3 }
	client, times, memory := "–", "–", "–"
	if runs[0].cpu > 0 { // it has a process
		client, times = spread(column(runs, cpu), "%.1f"), fmt.Sprintf("%.2f", ratio(runs, hand, cpu))
		memory = fmt.Sprintf("%.0f", median(column(runs, func(m moved) float64 { return mib(m.memory) })))
	}
	ordered := "yes"
	if slices.ContainsFunc(runs, func(m moved) bool { return !m.ordered }) {
		ordered = "no"
	}
	return strings.Join([]string{spread(column(runs, rate), "%.0f"), fmt.Sprintf("%.2f", ratio(runs, hand, rate)), client, times,
		fmt.Sprintf("%.0f", median(column(runs, func(m moved) float64 { return float64(m.broker) / 1e3 }))), memory, ordered}, "\t")
}

// move lets a contestant do a job, and checks what came of it.
func (b *bench) move(peer string, j job) (m moved, err error) {
	b.belongs = j.belongs
	if err := b.fill(); err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Minute, errors.New("it takes too long"))
	defer cancel()
	var used usage
	broker := b.node.cpu()
	if peer == "shovel" {
		if err := b.node.shovel("in", "out"); err != nil {
			return m, err
		}
		broker = b.node.cpu()
		m.rate, err = b.arrive(ctx)
		broker = b.node.cpu() - broker
		err = errors.Join(err, b.node.stopShovel())
	} else {
		p := b.process(peer, j.name)
		running, launched := p.launch(ctx)
		if launched != nil {
			return m, launched
		}
		m.rate, err = b.arrive(running)
		broker = b.node.cpu() - broker
		var ended error
		used, ended = p.end()
		err = errors.Join(err, ended)
	}
	if err != nil {
		return m, err
	}
	m.cpu, m.broker, m.memory = used.cpu/time.Duration(b.n), broker/time.Duration(b.n), used.memory
	m.ordered, err = b.check(ctx)
	return m, err
}

// process is a contestant that does a job.
func (b *bench) process(peer, job string) *contestantProcess {
	if peer == "eipd" {
		return process(filepath.Join(b.dir, "eipd"), "run", "--broker", b.node.URL(), "--data-dir", filepath.Join(b.dir, "data"), filepath.Join("rabbit", job+".hcl"))
	}
	return process(filepath.Join(b.dir, peer), job, b.node.URL())
}

// machineTimes counts the node and the contestants as our own.
func (b *bench) machineTimes() processorTimes {
	t := machineTimes()
	t.own += b.node.cpu() + childrenTime()
	return t
}
