// Package setting evaluates the settings of flow files within a budget. HCL's own
// evaluation cannot be interrupted and has no bounds, and a few lines can ask for
// any time and memory; here each part of an expression counts what it does, and
// each function what it will do, before it does it.
package setting

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// What a load may cost. Steps are about a nanosecond each; both are counted, so
// that the same files load or do not load however busy a machine is.
const (
	MaxSteps = 2_500_000_000
	MaxBytes = 160 << 20
)

// A Budget is what is left of them.
type Budget struct {
	steps, bytes int
	at           hcl.Range // of what is evaluated
	over         *Exceeded // where it was, by now
}

// NewBudget returns the budget of one load.
func NewBudget() *Budget { return &Budget{steps: MaxSteps, bytes: MaxBytes} }

// Exceeded is what Spend panics with.
type Exceeded struct {
	At   hcl.Range
	What string // in words that follow "needs more than"
}

func (x Exceeded) Error() string { return "it needs more than " + x.What }

// At sets the place that is to blame for what is spent next.
func (b *Budget) At(r hcl.Range) { b.at = r }

// Spend counts what is about to be done. It panics with an Exceeded where that is
// more than there is left.
func (b *Budget) Spend(steps, bytes int) {
	if b.steps -= steps; b.steps < 0 || steps < 0 {
		b.fail("about 2 seconds of one core")
	}
	if b.bytes -= bytes; b.bytes < 0 || bytes < 0 {
		b.fail("160 MiB of memory")
	}
}

// fail ends the load. The panic of a function is an error to who calls it, so that
// it is remembered and done again.
func (b *Budget) fail(what string) {
	if b.over == nil {
		b.over = &Exceeded{b.at, what}
	}
	panic(*b.over)
}

// What is paid for, in steps and bytes.
const (
	perNode    = 300 // steps of a part of an expression, once evaluated
	perValue   = 40  // steps of one value in another
	perByte    = 40  // steps of a byte of text: the slowest functions look for graphemes
	valueBytes = 150 // bytes of one value in another, with its type
)

// square is n², or too much.
func square(n int) int {
	if n > 1<<20 {
		return MaxSteps
	}
	return n * n
}

// times is a product that does not overflow, or too much.
func times(a, b int) int {
	if a > 0 && b > MaxSteps/a {
		return MaxSteps
	}
	return a * b
}

// A size is how many values are in a value, and how many bytes of text.
type size struct{ values, bytes int }

func sizeOf(values ...cty.Value) (s size) {
	for _, v := range values {
		s.add(v)
	}
	return s
}

func (s *size) add(v cty.Value) {
	s.values++
	v, _ = v.Unmark()
	switch {
	case v.IsNull() || !v.IsKnown():
	case v.Type() == cty.String:
		s.bytes += len(v.AsString())
	case v.CanIterateElements():
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if v.Type().IsObjectType() || v.Type().IsMapType() {
				s.bytes += len(k.AsString())
			}
			s.add(e)
		}
	}
}

// length is how many values are in a value and those directly in it.
func length(v cty.Value) (n int) {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return 0
	}
	for it := v.ElementIterator(); it.Next(); n++ {
		_, e := it.Element()
		if e, _ = e.Unmark(); !e.IsNull() && e.IsKnown() && e.CanIterateElements() {
			n += e.LengthInt()
		}
	}
	return n
}
