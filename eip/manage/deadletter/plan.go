package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Plan says how a job goes on. The zero value of a field is its default, but for Ask.
type Plan struct {
	// Canary is how many letters the first steps begin; the last step has all others.
	// nil: 1, 10 and 100. One without any is empty.
	Canary []int
	// Soak is how long the job waits after each step but the last; less than 0: it does
	// not wait.
	Soak time.Duration
	// Ask has the job wait after its first step until a person lets it go on.
	Ask bool
	// Rate is how many letters it begins in a second at most; less than 0: as many as go.
	Rate float64
	// UnderWay is how many letters the flow has at a time at most.
	UnderWay int
	// StopAfter is how many letters of a step fail again until the job pauses. 0: one in
	// a canary's step; in the last step 5, or one of 50 where these are more.
	StopAfter int
	// Watch names flows that must not fail while the job runs: what passes here and fails
	// there is no success. nil: those that can be reached from this one.
	Watch []string
	// Within is how long the job runs at most until it pauses.
	Within time.Duration
}

// What plans have where they say nothing, and the most that they may say.
const (
	defaultSoak     = 10 * time.Second
	defaultRate     = 50
	defaultUnderWay = 20
	defaultWithin   = 8 * time.Hour
	leastFailures   = 5
	failuresOf      = 50

	mostSteps    = 10
	mostSoak     = 10 * time.Minute // the letters of the queue are kept from others meanwhile
	mostUnderWay = 1000
	mostRate     = 100_000
	mostWithin   = 30 * 24 * time.Hour
)

func (p Plan) withDefaults() Plan {
	if p.Canary == nil {
		p.Canary = []int{1, 10, 100}
	}
	for _, d := range []struct {
		of *time.Duration
		is time.Duration
	}{{&p.Soak, defaultSoak}, {&p.Within, defaultWithin}} {
		if *d.of == 0 {
			*d.of = d.is
		}
	}
	if p.Rate == 0 {
		p.Rate = defaultRate
	}
	if p.UnderWay == 0 {
		p.UnderWay = defaultUnderWay
	}
	return p
}

// check reports what is wrong with a plan that has its defaults.
func (p Plan) check() error {
	for _, n := range p.Canary {
		if n < 1 || n > MostSelected {
			return fmt.Errorf("the steps of a canary have from 1 to %d letters", MostSelected)
		}
	}
	switch {
	case len(p.Canary) > mostSteps:
		return fmt.Errorf("a canary has %d steps at most", mostSteps)
	case p.Soak > mostSoak:
		return fmt.Errorf("a job soaks for %v at most", mostSoak)
	case p.Rate > mostRate || p.Rate != p.Rate:
		return fmt.Errorf("the rate is %d letters in a second at most", mostRate)
	case p.UnderWay < 1 || p.UnderWay > mostUnderWay:
		return fmt.Errorf("from 1 to %d letters are under way", mostUnderWay)
	case p.StopAfter < 0:
		return errors.New("a job stops after 1 failure at least")
	case p.Within < 0 || p.Within > mostWithin:
		return fmt.Errorf("a job runs for %v at most", mostWithin)
	}
	return nil
}

// size is how many letters a step begins at most, from 0; false: all that are left.
func (p Plan) size(step int) (int, bool) {
	if step < len(p.Canary) {
		return p.Canary[step], true
	}
	return 0, false
}

// tolerates is how many letters of a step may fail again, of so many that were begun,
// until the job pauses.
func (p Plan) tolerates(step, begun int) int {
	switch _, canary := p.size(step); {
	case p.StopAfter > 0:
		return p.StopAfter - 1
	case canary:
		return 0
	}
	return max(leastFailures, begun/failuresOf) - 1
}

// written is a Plan in JSON.
type written struct {
	Canary    []int    `json:"canary"`
	Soak      string   `json:"soak"`
	Ask       bool     `json:"ask,omitempty"`
	Rate      float64  `json:"rate"`
	UnderWay  int      `json:"under_way"`
	StopAfter int      `json:"stop_after,omitempty"`
	Watch     []string `json:"watch"`
	Within    string   `json:"within"`
}

// MarshalJSON writes times as texts like 10s.
func (p Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{p.Canary, p.Soak.String(), p.Ask, p.Rate, p.UnderWay, p.StopAfter, p.Watch, p.Within.String()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Plan) UnmarshalJSON(data []byte) error {
	var w written
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	soak, err1 := time.ParseDuration(w.Soak)
	within, err2 := time.ParseDuration(w.Within)
	*p = Plan{w.Canary, soak, w.Ask, w.Rate, w.UnderWay, w.StopAfter, w.Watch, within}
	return errors.Join(err1, err2)
}
