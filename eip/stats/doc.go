// Package stats counts and measures: what became of messages in flows and stages
// ([Counts], [Outcome]), what passes between a process and a channel ([Traffic]), how
// long things take ([Histogram]), and what stages count by themselves ([Own]). All of
// it may be read at any time, from any goroutine.
package stats

// Own is what a stage counts and measures by itself. What there is none of is nil.
type Own struct {
	Counts map[string]int64
	// Gauges names those of Counts that go up and down.
	Gauges []string
	// Branches says how many messages went each way, by the way's label.
	Branches map[string]int64
	// Times says how long something of the stage's own takes: "round_trip".
	Times map[string]*Histogram
}
