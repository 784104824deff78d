// Command bench measures eipd against other ways to do the same work, and prints
// tables. See docs/benchmarks.md.
package main

import (
	"flag"
	"fmt"
	"os"
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
	router := flag.Bool("router", false, "measure only the router in process")
	queue := flag.Bool("queue", false, "measure only a hop over a queue on disk")
	start := flag.Bool("start", false, "measure only how eipd starts and how large it is")
	flag.Parse()
	if !*router && !*queue && !*start {
		*router, *queue, *start = true, true, true
	}
	if err := run(o, *router, *queue, *start); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options, router, queue, start bool) error {
	fmt.Println(machine())
	if router {
		title := "Source, wire tap, content router on two fields, three sinks, in one process:"
		if err := compare(os.Stdout, title, contestants, []string{"by_hand", "benthos_batch_100"}, o); err != nil {
			return err
		}
	}
	if queue {
		if err := compare(os.Stdout, "Into a queue on disk, and out of it:", queues, []string{"bbolt_by_hand"}, o); err != nil {
			return err
		}
	}
	if start {
		return starts(os.Stdout, o.rounds)
	}
	return nil
}
