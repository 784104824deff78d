// Package live is how those who do not know its type get at an eip.Live: decoders,
// documentation and the control bus.
package live

import "errors"

// An Option is an eip.Live of whatever type.
type Option interface {
	// Value returns the present value, which is of the Live's type also where it is nil,
	// and what it was written as, if it is an expression that can be replaced.
	Value() (v any, text string)
	// SetValue changes both.
	SetValue(v any, text string)
	// Compiler is what makes an expression of a text; nil: it cannot be replaced. It is
	// not changed any more once messages pass.
	Compiler() *Compiler
}

// A Compiler makes an expression of a text.
type Compiler func(text string) (any, error)

// ErrNotDynamic is why an expression cannot be replaced.
var ErrNotDynamic = errors.New("an expression can be replaced only where the flow file says dynamic = true")
