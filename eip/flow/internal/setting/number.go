package setting

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// A number of any size is written in a few bytes, and takes any time and memory
// where it is calculated with or shown.
const (
	maxExponent = 4096 // of two
	maxDigits   = 1000
	hugeNumber  = "a number of 1000 digits"
)

// isSane reports whether a text that is read as a number is one of a size that
// people use.
func isSane(text string) bool {
	i := strings.IndexAny(text, "eEpP")
	if i < 0 {
		return len(text) <= maxDigits || strings.Trim(text, "0123456789.+-_ ") != ""
	}
	if strings.Trim(text[:i], "0123456789.+-_ xX") != "" {
		return true // no number
	}
	return i <= maxDigits && len(strings.TrimLeft(text[i+1:], "+-0")) <= 3
}

// check refuses numbers that are too large.
func (e *evaluation) check(v cty.Value, deep bool) {
	v, _ = v.Unmark()
	switch {
	case v == cty.NilVal || v.IsNull() || !v.IsKnown():
	case v.Type() == cty.Number:
		f := v.AsBigFloat()
		if n := f.MantExp(nil); !f.IsInf() && (n > maxExponent || n < -maxExponent) || f.MinPrec() > maxExponent {
			e.fail(hugeNumber)
		}
	case deep && v.Type() != cty.String && v.CanIterateElements():
		for it := v.ElementIterator(); it.Next(); {
			_, x := it.Element()
			e.check(x, true)
		}
	}
}

// Convert is convert.Convert within the budget.
func (b *Budget) Convert(v cty.Value, want cty.Type) (cty.Value, error) {
	e := &evaluation{Budget: b}
	if want.IsCollectionType() || want.HasDynamicTypes() && want != cty.DynamicPseudoType {
		e.unify(v)
	}
	if !wantsNumber(want) {
		return convert.Convert(v, want)
	}
	insane := false
	_ = cty.Walk(v, func(_ cty.Path, x cty.Value) (bool, error) {
		if x, _ = x.Unmark(); x.IsKnown() && !x.IsNull() && x.Type() == cty.String && !isSane(x.AsString()) {
			insane = true
		}
		return true, nil
	})
	if insane {
		return cty.NilVal, fmt.Errorf("a number of at most %d digits is required", maxDigits)
	}
	return convert.Convert(v, want)
}

func wantsNumber(t cty.Type) bool {
	switch {
	case t == cty.Number:
		return true
	case t.IsCollectionType():
		return wantsNumber(t.ElementType())
	case t.IsTupleType():
		for _, e := range t.TupleElementTypes() {
			if wantsNumber(e) {
				return true
			}
		}
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			if wantsNumber(e) {
				return true
			}
		}
	}
	return false
}
