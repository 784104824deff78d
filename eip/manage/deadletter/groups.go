package deadletter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of groups.
const (
	MostGroups  = 1000 // the rest is counted together
	mostSamples = 3    // ids of each
	mostValues  = 5    // of what varies in its errors
	watched     = 50   // of these, that are counted at a time
)

// By says what letters are grouped by.
type By string

// What letters can be grouped by. All but the cause are of one flow each, too.
const (
	ByCause By = "cause"
	ByStage By = "stage"
	ByError By = "error"
	ByType  By = "type" // the message's
	ByDay   By = "day"  // of UTC, on which they failed
)

// ParseBy reads what letters are to be grouped by; "" is the cause.
func ParseBy(text string) (By, error) {
	by := cmp.Or(By(text), ByCause)
	if all := []By{ByCause, ByStage, ByError, ByType, ByDay}; !slices.Contains(all, by) {
		return "", fmt.Errorf("letters are grouped by cause, stage, error, type or day")
	}
	return by, nil
}

// A Group are the letters of one cause.
type Group struct {
	// ID is what a Selection names it by; "": it is no group of a cause.
	ID       string    `json:"id,omitempty"`
	Flow     string    `json:"flow"`
	Stage    string    `json:"stage,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Error    string    `json:"error,omitempty"`
	Type     string    `json:"type,omitempty"`
	Day      string    `json:"day,omitempty"`
	Count    int       `json:"count"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Attempts int       `json:"attempts"`           // the most of one letter
	Replayed int       `json:"replayed,omitempty"` // letters that were replayed before
	Edited   int       `json:"edited,omitempty"`   // letters that were
	Samples  []string  `json:"samples"`            // ids of the first letters
	// Values are the most frequent of what varies in the errors, and how many letters have
	// them at least.
	Values []Value `json:"values,omitempty"`

	values map[string]int
}

// A Value is what stands in some errors of a group in the place of a ….
type Value struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

// Groups gathers letters. What it keeps does not grow with their number. The zero value
// groups by nothing; see NewGroups.
type Groups struct {
	by    By
	all   map[groupKey]*Group
	other int
}

type groupKey struct {
	Cause
	kind, day string
}

// NewGroups returns Groups without letters.
func NewGroups(by By) *Groups { return &Groups{by: by, all: map[groupKey]*Group{}} }

func (g *Groups) key(l Letter) groupKey {
	k := groupKey{Cause: Cause{Flow: l.Cause.Flow}}
	switch g.by {
	case ByStage:
		k.Stage = l.Cause.Stage
	case ByError:
		k.Error = l.Cause.Error
	case ByType:
		k.kind = l.Message.Type
	case ByDay:
		k.day = l.Failed.UTC().Format(time.DateOnly)
	default:
		k.Cause = l.Cause
	}
	return k
}

// Add takes one more letter. Its id need not be completed by a Namer.
func (g *Groups) Add(l Letter) {
	k := g.key(l)
	in := g.all[k]
	if in == nil {
		if len(g.all) == MostGroups {
			g.other++
			return
		}
		in = &Group{Flow: k.Flow, Stage: k.Stage, Reason: k.Reason, Error: k.Error, Type: k.kind, Day: k.day, values: map[string]int{}}
		if g.by == ByCause {
			in.ID = k.Group()
		}
		g.all[k] = in
	}
	in.add(l)
}

func (g *Group) add(l Letter) {
	g.Count++
	if failed := l.Failed; !failed.IsZero() {
		if g.First.IsZero() || failed.Before(g.First) {
			g.First = failed
		}
		if failed.After(g.Last) {
			g.Last = failed
		}
	}
	g.Attempts = max(g.Attempts, l.Attempts)
	if l.Replays > 0 {
		g.Replayed++
	}
	if l.Edited != "" {
		g.Edited++
	}
	if len(g.Samples) < mostSamples {
		g.Samples = append(g.Samples, l.ID)
	}
	for i, v := range l.removed {
		if !slices.Contains(l.removed[:i], v) { // an error may name it twice, and is one letter
			g.count(v)
		}
	}
}

// count counts a value so that the frequent ones stay, as Misra and Gries do it: what
// makes up more than one in watched is never lost.
func (g *Group) count(value string) {
	if _, known := g.values[value]; known || len(g.values) < watched {
		g.values[value]++
		return
	}
	for v := range g.values {
		if g.values[v]--; g.values[v] == 0 {
			delete(g.values, v)
		}
	}
}

// Result returns the groups, the largest first, and how many letters are of others.
func (g *Groups) Result() (groups []Group, other int) {
	for _, in := range g.all {
		in.Values = in.frequent()
		groups = append(groups, *in)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), a.First.Compare(b.First), strings.Compare(a.Flow, b.Flow),
			strings.Compare(a.Stage, b.Stage), strings.Compare(a.Error, b.Error), strings.Compare(a.Type, b.Type), strings.Compare(a.Day, b.Day))
	})
	return groups, g.other
}

// frequent returns the values that were seen more than once.
func (g *Group) frequent() (all []Value) {
	for text, n := range g.values {
		if n > 1 {
			all = append(all, Value{text, n})
		}
	}
	slices.SortFunc(all, func(a, b Value) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Text, b.Text))
	})
	return all[:min(len(all), mostValues)]
}
