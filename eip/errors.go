package eip

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNoReturnAddress is why a message that names no Return Address, or came from
// where no reply can go, cannot be answered.
var ErrNoReturnAddress = errors.New("the message has no return address, so it cannot be answered")

// ErrClosed is returned by what is used after its Close.
var ErrClosed = errors.New("closed")

// ErrRevoked is why a message is not worked on any more whose source has taken it
// back.
var ErrRevoked = errors.New("the source has taken the message back, and will deliver it again")

// ErrExpired is why a message is not begun that had its Expiration while it waited, or
// not worked on any more when the Timeout of its flow is over.
var ErrExpired = errors.New("the message has expired")

type permanent struct{ error }

func (e permanent) Unwrap() error { return e.error }

type invalid struct{ error }

func (e invalid) Unwrap() error { return e.error }

type unavailable struct {
	error
	after time.Duration
}

func (e unavailable) Unwrap() error { return e.error }

// Unavailable marks err as the failure of a service that is away or busy, so that the
// message is not to blame. after is when it asks to be tried again; 0: it does not say.
func Unavailable(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return unavailable{err, after}
}

// Permanent marks err as one that trying again cannot mend. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Invalid marks err as the message's own fault: it cannot be read or evaluated.
// An invalid message is never tried again. nil stays nil.
func Invalid(err error) error {
	if err == nil {
		return nil
	}
	return invalid{err}
}

// IsPermanent reports whether err, or an error within it, is permanent or
// invalid.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p) || IsInvalid(err)
}

// IsInvalid reports whether err, or an error within it, is invalid.
func IsInvalid(err error) bool {
	var i invalid
	return errors.As(err, &i)
}

// A StageError says at which stage a message failed; or at which channel or adapter, where
// that did not take what the end of a body handed over.
type StageError struct {
	Address string // "orders.filter", or "queue.paid"
	Err     error

	sent bool   // to what Address names
	body string // from the end of this; "": it is not known
}

func (e *StageError) Error() string {
	if e.sent {
		return e.Err.Error() // which names it
	}
	return e.Address + ": " + e.Err.Error()
}

func (e *StageError) Unwrap() error { return e.Err }

// Within reports whether the message failed in a body of the stage with that address.
func (e *StageError) Within(stage string) bool {
	if e.sent {
		return strings.HasPrefix(e.body+".", stage+".")
	}
	return strings.HasPrefix(e.Address, stage+".")
}

// An OptionError says which option of a component is wrong. A Validate method
// returns it, so that a flow file's error can point at the line.
type OptionError struct {
	Option string // the name as in a flow file; of a block, perhaps with its label: "when big"
	In     any    // the block that it is, or that has it, as a pointer in the component; nil: the component itself
	Err    error  // perhaps an OptionError of a block within that
}

// OptionErrorf makes an OptionError.
func OptionErrorf(option, format string, args ...any) error {
	return &OptionError{Option: option, Err: fmt.Errorf(format, args...)}
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// panicked turns a recovered panic into an error that fails one message.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }
