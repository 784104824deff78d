package eip

import "errors"

type gone struct{ error }

func (e gone) Unwrap() error { return e.error }

// Gone marks err as the failure of a message to a Return Address where nobody is, or
// is any more. It is permanent too.
func Gone(err error) error { return Permanent(gone{err}) }

// A GoneCaller says what becomes of a reply to a caller who has gone.
type GoneCaller string

// What there is.
const (
	DropReply       GoneCaller = "drop"
	DeadLetterReply GoneCaller = "dead_letter"
)

// Options returns them all.
func (GoneCaller) Options() []string { return []string{string(DropReply), string(DeadLetterReply)} }

// Validate checks the option of that name.
func (g GoneCaller) Validate() error {
	if g != DropReply && g != DeadLetterReply {
		return OptionErrorf("gone", `%q is nothing to do; write "drop" or "dead_letter"`, string(g))
	}
	return nil
}

// Drops reports whether a reply that failed with err is dropped.
func (g GoneCaller) Drops(err error) bool {
	var e gone
	return g == DropReply && errors.As(err, &e)
}
