// Command bench measures eipd against other ways to do the same work, and prints
// tables. See docs/benchmarks.md.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// options say how much is measured.
type options struct {
	each     time.Duration
	rounds   int
	messages int
}

func main() {
	var o options
	flag.DurationVar(&o.each, "each", 2*time.Second, "about how long one run of one contestant lasts")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each contestant runs")
	flag.IntVar(&o.messages, "n", 0, "messages a run, for all contestants, in place of -each")
	parts := []part{
		{"router", "the router in process", inProcess},
		{"content", "stages that look at bodies", overContent},
		{"queue", "a hop over a queue on disk", overDisk},
		{"state", "stages that remember, from queue to queue on disk", overState},
		{"large", "a million parts, groups and messages that wait", overLargeState},
		{"rabbit", "work between queues of RabbitMQ, and round trips", overRabbit},
		{"calls", "clients that call a service over RabbitMQ", overCalls},
		{"stomp", "a bridge over STOMP, on RabbitMQ and ActiveMQ", overStomp},
		{"start", "how eipd starts and how large it is", func(w io.Writer, o options) error { return starts(w, o.rounds) }},
	}
	chosen := map[string]*bool{}
	for _, p := range parts {
		chosen[p.name] = flag.Bool(p.name, false, "measure "+p.what+"; without any of these, all")
	}
	flag.Parse()
	all := !slices.ContainsFunc(parts, func(p part) bool { return *chosen[p.name] })
	fmt.Println(machine() + ", " + versions(os.Args[0]))
	for _, p := range parts {
		if !all && !*chosen[p.name] {
			continue
		}
		if err := p.measure(os.Stdout, o); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
}

// A part of what is measured can be chosen by its name.
type part struct {
	name, what string
	measure    func(io.Writer, options) error
}

func inProcess(w io.Writer, o options) error {
	title := "Source, wire tap, content router on two fields, three sinks, in one process:"
	return compare(w, title, contestants, []string{"by_hand", "benthos_batch_100"}, o)
}

func overDisk(w io.Writer, o options) error {
	return compare(w, "Into a queue on disk, and out of it:", queues, []string{"bbolt_by_hand"}, o)
}
