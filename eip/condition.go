package eip

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Conditional is a stage, or a block of one, whose option `if` may be replaced while
// it runs.
type Conditional interface {
	// SetCompiler tells it the expression of the flow file, "" where there is none,
	// and what makes a Predicate of another one.
	SetCompiler(source string, compile func(source string) (Predicate, error))
}

// ErrNotDynamic is what a [Settable] answers to a new expression where the flow file
// does not say that it may be replaced.
var ErrNotDynamic = errors.New("an expression can be replaced only where the flow file says dynamic = true")

// A Condition is a Predicate that may be replaced, by the text of another, while
// messages pass. The zero Condition has none but the one that it is asked with.
type Condition struct {
	source  string
	compile func(source string) (Predicate, error)
	set     atomic.Pointer[replacement]
}

type replacement struct {
	source string
	holds  Predicate
}

// SetCompiler makes the Condition one that can be replaced.
func (c *Condition) SetCompiler(source string, compile func(source string) (Predicate, error)) {
	c.source, c.compile = source, compile
}

// Replaceable reports whether there is a compiler.
func (c *Condition) Replaceable() bool { return c.compile != nil }

// Or returns what the Condition was replaced by, else field.
func (c *Condition) Or(field Predicate) Predicate {
	if r := c.set.Load(); r != nil {
		return r.holds
	}
	return field
}

// Source returns the text of what Or returns.
func (c *Condition) Source() string {
	if r := c.set.Load(); r != nil {
		return r.source
	}
	return c.source
}

// Replace has Or return another Predicate from now on: what value compiles to. The
// text of SetCompiler brings back the first one. Where value does not compile, all
// stays as it is.
func (c *Condition) Replace(value any) error {
	if c.compile == nil {
		return ErrNotDynamic
	}
	source, ok := value.(string)
	if b, isBool := value.(bool); isBool { // true is an expression too
		source, ok = fmt.Sprint(b), true
	}
	switch {
	case !ok:
		return fmt.Errorf("%v is no expression, which is a string", value)
	case source == c.source:
		c.set.Store(nil)
		return nil
	}
	holds, err := c.compile(source)
	if err != nil {
		return err
	}
	c.set.Store(&replacement{source, holds})
	return nil
}

var _ Conditional = (*Condition)(nil)
