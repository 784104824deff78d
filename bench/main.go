// Command bench measures eipd against other ways to do the same work, and prints
// tables. See docs/benchmarks.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	each := flag.Duration("each", 2*time.Second, "about how long one run of one contestant lasts")
	rounds := flag.Int("rounds", 5, "how often each contestant runs")
	messages := flag.Int("n", 0, "messages a run, for all contestants, in place of -each")
	start := flag.Bool("start", false, "measure only how eipd starts and how large it is")
	router := flag.Bool("router", false, "measure only the router in process")
	flag.Parse()
	if err := run(*each, *rounds, *messages, *start, *router); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(each time.Duration, rounds, messages int, start, router bool) error {
	all := start == router
	fmt.Println(machine())
	if router || all {
		if err := compare(os.Stdout, each, rounds, messages); err != nil {
			return err
		}
	}
	if start || all {
		return starts(os.Stdout, rounds)
	}
	return nil
}
