package replies

import "github.com/eipd/eipd/eip"

// A GoneCaller says what becomes of a reply to a caller who has gone.
type GoneCaller string

// What there is to do.
const (
	Drop       GoneCaller = "drop"
	DeadLetter GoneCaller = "dead_letter"
)

// Options returns them all.
func (GoneCaller) Options() []string { return []string{string(Drop), string(DeadLetter)} }

// Validate checks the option of that name.
func (g GoneCaller) Validate() error {
	if g != Drop && g != DeadLetter {
		return eip.OptionErrorf("gone", `%q is nothing to do; write "drop" or "dead_letter"`, string(g))
	}
	return nil
}

// Drops reports whether a reply that failed with err is dropped.
func (g GoneCaller) Drops(err error) bool {
	return g == Drop && eip.IsGone(err)
}
