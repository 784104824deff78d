package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/eipd/eipd/internal/visible"
)

// What an error says at most, in bytes: less than the header eip-error holds.
const (
	maxProblems = 3 << 10
	maxProblem  = 300
	maxPath     = 200
)

// problems makes one error of all that the library found; root is what paths begin with.
func problems(root string, err error) error {
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		return err
	}
	l := lister{root: root}
	l.add(found)
	slices.Sort(l.all)
	l.all = slices.Compact(l.all)
	var text strings.Builder
	for i, p := range l.all {
		if text.Len()+len(p) > maxProblems {
			fmt.Fprintf(&text, "; and %d more", len(l.all)-i)
			break
		}
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(p)
	}
	return errors.New(text.String())
}

type lister struct {
	root string
	all  []string
}

func (l *lister) add(e *jsonschema.ValidationError) {
	at := pathOf(l.root, e.InstanceLocation)
	for _, p := range l.said(at, e.ErrorKind) {
		l.all = append(l.all, visible.Short(p, maxProblem))
	}
	switch e.ErrorKind.(type) {
	case *kind.PropertyNames, *kind.Contains, *kind.MinContains: // why each name or item does not fit
		return
	}
	for _, inner := range e.Causes {
		l.add(inner)
	}
}

// said are the sentences about what is wrong at a place; none where its causes say it.
func (l *lister) said(at string, of jsonschema.ErrorKind) (all []string) {
	one := func(format string, args ...any) []string { return []string{at + " " + fmt.Sprintf(format, args...)} }
	each := func(names []string, format string, args ...any) (all []string) {
		for _, n := range names {
			all = append(all, pathOf(at, []string{n})+" "+fmt.Sprintf(format, args...))
		}
		return all
	}
	switch k := of.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference, *kind.ContentSchema:
		return nil
	case *kind.Type:
		return one("is %s, and should be %s", article(k.Got), list(k.Want))
	case *kind.Required:
		return each(k.Missing, "is missing")
	case *kind.Dependency:
		return each(k.Missing, "is missing, where %s is there", quoted(k.Prop))
	case *kind.DependentRequired:
		return each(k.Missing, "is missing, where %s is there", quoted(k.Prop))
	case *kind.AdditionalProperties:
		return each(k.Properties, "is not allowed")
	case *kind.PropertyNames:
		return []string{quoted(k.Property) + " is no name that is allowed"} // the library does not say where
	case *kind.FalseSchema:
		return one("is not allowed")
	case *kind.Enum:
		return one("should be one of %s", values(k.Want...))
	case *kind.Const:
		return one("should be %s", values(k.Want))
	case *kind.Not:
		return one("fits what it should not")
	case *kind.AnyOf:
		return one("fits none of the alternatives")
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			return one("fits more than one of the alternatives: %d and %d", k.Subschemas[0]+1, k.Subschemas[1]+1)
		}
		return one("fits none of the alternatives")
	case *kind.Format:
		return one("is no %s", k.Want)
	case *kind.Pattern:
		return one("does not match %s", k.Want)
	case *kind.UniqueItems:
		return one("has equal items, at %d and %d", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return one("has no item that fits")
	case *kind.MinContains:
		return one("has %d items that fit, and should have %d or more", len(k.Got), k.Want)
	case *kind.MaxContains:
		return one("has %d items that fit, and should have %d or fewer", len(k.Got), k.Want)
	case *kind.AdditionalItems:
		return one("has %d items too many", k.Count)
	}
	return one("%s", bound(of))
}

// bound says which bound something is beyond.
func bound(of jsonschema.ErrorKind) string {
	few := func(got, want int, what, than string) string {
		return fmt.Sprintf("has %d %s, and should have %d or %s", got, what, want, than)
	}
	switch k := of.(type) {
	case *kind.MinProperties:
		return few(k.Got, k.Want, "members", "more")
	case *kind.MaxProperties:
		return few(k.Got, k.Want, "members", "fewer")
	case *kind.MinItems:
		return few(k.Got, k.Want, "items", "more")
	case *kind.MaxItems:
		return few(k.Got, k.Want, "items", "fewer")
	case *kind.MinLength:
		return few(k.Got, k.Want, "characters", "more")
	case *kind.MaxLength:
		return few(k.Got, k.Want, "characters", "fewer")
	case *kind.Minimum:
		return "should be " + number(k.Want) + " or more"
	case *kind.Maximum:
		return "should be " + number(k.Want) + " or less"
	case *kind.ExclusiveMinimum:
		return "should be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "should be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "should be a multiple of " + number(k.Want)
	}
	if path := of.KeywordPath(); len(path) > 0 {
		return "does not fit " + strings.Join(path, "/")
	}
	return "does not fit"
}

func number(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	f, _ := n.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// pathOf is how expressions write a place.
func pathOf(root string, steps []string) string {
	var path strings.Builder
	path.WriteString(root)
	for _, s := range steps {
		switch _, err := strconv.ParseUint(s, 10, 31); {
		case err == nil:
			path.WriteString("[" + s + "]")
		case isName(s):
			path.WriteString("." + s)
		default:
			path.WriteString("[" + quoted(s) + "]")
		}
		if path.Len() > maxPath {
			return visible.Short(path.String(), maxPath)
		}
	}
	return path.String()
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && r|0x20 < 'a' || r|0x20 > 'z' {
			if i == 0 || r < '0' || r > '9' {
				return false
			}
		}
	}
	return s != ""
}

func quoted(s string) string { return strconv.Quote(visible.Short(s, maxPath)) }

// values writes values of the schema.
func values(all ...any) string {
	var words []string
	for _, v := range all {
		text, err := json.Marshal(v)
		if err != nil {
			return "what the schema says"
		}
		words = append(words, string(text))
	}
	return strings.Join(words, ", ")
}

func list(types []string) string {
	var words []string
	for _, t := range types {
		words = append(words, article(t))
	}
	return strings.Join(words, " or ")
}

func article(kind string) string {
	switch {
	case kind == "null":
		return kind
	case strings.ContainsRune("aeio", rune(kind[0])):
		return "an " + kind
	}
	return "a " + kind
}
