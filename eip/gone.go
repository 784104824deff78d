package eip

import "errors"

type gone struct{ error }

func (e gone) Unwrap() error { return e.error }

// Gone marks err as the failure of a message to a Return Address where nobody is, or
// is any more. It is permanent too.
func Gone(err error) error { return Permanent(gone{err}) }

// IsGone reports whether err, or an error within it, is one that Gone made.
func IsGone(err error) bool {
	var e gone
	return errors.As(err, &e)
}
