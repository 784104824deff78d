package eip

import (
	"context"
	"iter"

	"github.com/eipd/eipd/eip/stats"
)

// Named gives a stage its address, which errors and logs use, and counts what
// passes. Chain unwraps it. A Named must not be copied after first use.
type Named struct {
	Address string
	Stage
	// Before, where set, is called with each message that reaches the stage. Its error is
	// the stage's: by it a test has a stage fail.
	Before func(ctx context.Context, m *Message) error

	number  int // within its flow
	tallies tallies
	watcher watcher
}

// numberStages gives each stage of a flow its number.
func numberStages(stages []Stage) {
	number := 0
	for n := range Walk(stages) {
		if n != nil {
			n.number = number
			number++
		}
	}
}

// Counts returns what became of the messages that the stage received, and of Test
// Messages apart from them.
func (n *Named) Counts() (business, tests stats.Counts) {
	return n.tallies.business.counts(), n.tallies.tests.counts()
}

// Latency returns how long the stage itself took for a message, without what
// follows it.
func (n *Named) Latency() *stats.Histogram { return &n.tallies.latency }

// Walk yields each of stages, outer ones before those in their bodies: as it is
// without its Named, and that, which is nil where it has none.
func Walk(stages []Stage) iter.Seq2[*Named, Stage] {
	return walkWithout(func(*Pipe) bool { return false }, stages)
}

// walkWithout walks, but leaves bodies out. It looks at those of a stage when it has
// yielded that.
func walkWithout(out func(*Pipe) bool, stages []Stage) iter.Seq2[*Named, Stage] {
	return func(yield func(*Named, Stage) bool) { walk(stages, out, yield) }
}

func walk(stages []Stage, out func(*Pipe) bool, yield func(*Named, Stage) bool) bool {
	for _, s := range stages {
		named, ok := s.(*Named)
		if ok {
			s = named.Stage
		}
		if !yield(named, s) {
			return false
		}
		if n, ok := s.(Nester); ok {
			for _, p := range n.Nested() {
				if !out(p) && !walk(p.Stages, out, yield) {
					return false
				}
			}
		}
	}
	return true
}
