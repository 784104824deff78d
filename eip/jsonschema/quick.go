package jsonschema

import (
	"cmp"
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A quick knows of values that they fit a schema of which it knows all keywords, the usual
// ones. It says nothing of others: these are for the library, which takes several times as
// long.
type quick struct {
	*jsonschema.Schema
	types  map[string]bool // nil: all
	among  map[any]bool    // what Enum and Const have of what Go compares as JSON does
	format func(any) error

	members     map[string]*quick
	others      *quick // nil: they may be anything, or must not be
	items       *quick
	all, some   []*quick // it must fit all of these, and one of those
	least, most []edge
}

// known are the fields of a schema that a quick heeds, or that say nothing of values.
var known = map[string]bool{"DraftVersion": true, "Location": true, "ID": true, "Anchor": true, "DynamicAnchor": true, "RecursiveAnchor": true,
	"Title": true, "Description": true, "Default": true, "Comment": true, "ReadOnly": true, "WriteOnly": true, "Examples": true, "Deprecated": true,
	"Bool": true, "Ref": true, "Types": true, "Enum": true, "Const": true, "Format": true, "AllOf": true, "AnyOf": true,
	"MinProperties": true, "MaxProperties": true, "Required": true, "Properties": true, "AdditionalProperties": true,
	"MinItems": true, "MaxItems": true, "Items": true, "Items2020": true, "MinLength": true, "MaxLength": true, "Pattern": true,
	"Minimum": true, "Maximum": true, "ExclusiveMinimum": true, "ExclusiveMaximum": true}

// quicken makes a quick of a schema, and of what is in it; nil where a keyword is not known.
func quicken(of *jsonschema.Schema) *quick {
	made, sound := map[*jsonschema.Schema]*quick{}, true
	var one func(s *jsonschema.Schema) *quick
	many := func(all []*jsonschema.Schema) (q []*quick) {
		for _, s := range all {
			q = append(q, one(s))
		}
		return q
	}
	one = func(s *jsonschema.Schema) *quick {
		if s == nil || made[s] != nil {
			return made[s]
		}
		q := &quick{Schema: s, members: map[string]*quick{}}
		made[s] = q
		for i, v := 0, reflect.ValueOf(s).Elem(); i < v.NumField(); i++ {
			if f := v.Type().Field(i); f.IsExported() && !known[f.Name] && !v.Field(i).IsZero() {
				sound = false
			}
		}
		q.values()
		q.all, q.some, q.items = many(s.AllOf), many(s.AnyOf), one(s.Items2020)
		if s.Ref != nil {
			q.all = append(q.all, one(s.Ref))
		}
		for name, of := range s.Properties {
			q.members[name] = one(of)
		}
		if others, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			q.others = one(others)
		}
		if items, ok := s.Items.(*jsonschema.Schema); ok {
			q.items = one(items)
		} else if s.Items != nil {
			sound = false
		}
		return q
	}
	if q := one(of); sound {
		return q
	}
	return nil
}

// values reads what is said of values themselves.
func (q *quick) values() {
	if q.Types != nil && !q.Types.IsEmpty() {
		q.types = map[string]bool{}
		for _, t := range q.Types.ToStrings() {
			q.types[t] = true
		}
	}
	switch {
	case q.Const != nil && q.Enum != nil: // nothing is known to be both
	case q.Const != nil:
		q.amongst(*q.Const)
	case q.Enum != nil:
		q.amongst(q.Enum.Values...)
	}
	if q.Format != nil {
		q.format = q.Format.Validate // which is watched later
	}
	q.least = append(edges(q.Minimum, false), edges(q.ExclusiveMinimum, true)...)
	q.most = append(edges(q.Maximum, false), edges(q.ExclusiveMaximum, true)...)
}

func (q *quick) amongst(values ...any) {
	q.among = map[any]bool{}
	for _, v := range values {
		switch v.(type) {
		case nil, bool, string, int:
			q.among[v] = true
		}
	}
}

// mostQuick is how deep a quick goes into schemas. One may lead to itself.
const mostQuick = 300

// fits reports whether a value is known to fit.
func (q *quick) fits(c *checker, v any, depth int) bool {
	c.step()
	if q.Bool != nil || depth > mostQuick {
		return q.Bool != nil && *q.Bool
	}
	if (q.Enum != nil || q.Const != nil) && !q.isAmong(v) || q.format != nil && q.format(v) != nil {
		return false
	}
	for _, inner := range q.all {
		if !inner.fits(c, v, depth+1) {
			return false
		}
	}
	some := len(q.some) == 0
	for i := 0; !some && i < len(q.some); i++ {
		some = q.some[i].fits(c, v, depth+1)
	}
	if !some {
		return false
	}
	switch v := v.(type) {
	case nil:
		return q.allows("null")
	case bool:
		return q.allows("boolean")
	case string:
		return q.allows("string") && q.text(v)
	case int:
		return (q.allows("number") || q.types["integer"]) && q.number(v)
	case float64, json.Number: // which may be whole
		return q.allows("number") && q.number(v)
	case []any:
		return q.allows("array") && q.list(c, v, depth)
	case map[string]any:
		return q.allows("object") && q.object(c, v, depth)
	}
	return false
}

func (q *quick) allows(kind string) bool { return q.types == nil || q.types[kind] }

func (q *quick) isAmong(v any) bool {
	switch v.(type) {
	case nil, bool, string, int:
		return q.among[v]
	}
	return false
}

func (q *quick) text(v string) bool {
	if q.MinLength != nil || q.MaxLength != nil {
		if n := utf8.RuneCountInString(v); !within(n, q.MinLength, q.MaxLength) {
			return false
		}
	}
	return q.Pattern == nil || q.Pattern.MatchString(v)
}

func within(n int, least, most *int) bool {
	return (least == nil || n >= *least) && (most == nil || n <= *most)
}

func (q *quick) list(c *checker, list []any, depth int) bool {
	if !within(len(list), q.MinItems, q.MaxItems) {
		return false
	}
	for i := 0; q.items != nil && i < len(list); i++ {
		if !q.items.fits(c, list[i], depth+1) {
			return false
		}
	}
	return true
}

func (q *quick) object(c *checker, members map[string]any, depth int) bool {
	if !within(len(members), q.MinProperties, q.MaxProperties) {
		return false
	}
	for _, name := range q.Required {
		if _, ok := members[name]; !ok {
			return false
		}
	}
	if len(q.members) == 0 && q.AdditionalProperties == nil {
		return true
	}
	for name, v := range members {
		of := q.members[name]
		if of == nil {
			of = q.others
		}
		switch {
		case of != nil:
			if !of.fits(c, v, depth+1) {
				return false
			}
		case q.AdditionalProperties == false:
			return false
		}
	}
	return true
}

// An edge is a bound of a number.
type edge struct {
	near  float64 // the number next to it
	whole int64   // it itself, where isWhole
	open  bool    // the number must not be equal to it

	isWhole bool
}

func edges(r *big.Rat, open bool) []edge {
	if r == nil {
		return nil
	}
	b := edge{open: open, isWhole: r.IsInt() && r.Num().IsInt64()}
	b.near, _ = r.Float64()
	if b.isWhole {
		b.whole = r.Num().Int64()
	}
	return []edge{b}
}

// number reports whether v is known to be within the bounds.
func (q *quick) number(v any) bool {
	for _, b := range q.least {
		if sign, equal := b.compare(v); sign < 0 || sign == 0 && (!equal || b.open) {
			return false
		}
	}
	for _, b := range q.most {
		if sign, equal := b.compare(v); sign > 0 || sign == 0 && (!equal || b.open) {
			return false
		}
	}
	return true
}

// compare returns on which side of the bound v is. As the nearest float64 of a number is never
// on another side than the number, 0 says nothing but for equal numbers.
func (b edge) compare(v any) (sign int, equal bool) {
	var f float64
	switch v := v.(type) {
	case int:
		if b.isWhole {
			return cmp.Compare(int64(v), b.whole), int64(v) == b.whole
		}
		f = float64(v)
	case float64:
		f = v
	case json.Number:
		f, _ = strconv.ParseFloat(string(v), 64) // ±Inf of what is too large
	}
	return cmp.Compare(f, b.near), false
}
