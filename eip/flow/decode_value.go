package flow

import (
	"cmp"
	"encoding"
	"fmt"
	"math/big"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

// attribute decodes one option of a block, and reports whether it could. null leaves
// the default.
func (d *decoder) attribute(block reflect.Value, s *schema.Attribute, a *syntax.Attribute) bool {
	before := len(d.diags)
	d.dynamic = nil
	field := block.FieldByIndex(s.Index)
	if s.Live {
		field = reflect.New(s.Type).Elem()
		field.Set(s.Value(block))
	}
	sound := d.decodeAttribute(field, s, a) && !d.diags[before:].HasErrors()
	if s.Fixed && len(d.dynamic) > 0 {
		sound = d.fail(problem(a.Expr.Range(), "Dynamic variable", "%q cannot depend on var.%s, which is dynamic: nobody may choose brokers and programs over the control bus. Use a variable that is not dynamic.", a.Name, d.dynamic[0]))
	}
	if s.Live {
		s.Option(block).SetValue(field.Interface(), "")
	}
	return sound
}

func (d *decoder) decodeAttribute(field reflect.Value, s *schema.Attribute, a *syntax.Attribute) bool {
	switch s.Kind {
	case schema.Handler:
		h := d.handler(a.Expr, a.Name)
		if h != nil {
			field.Set(reflect.ValueOf(h))
		}
		return h != nil
	case schema.Targets:
		targets := d.targets(a.Expr, a.Name)
		if targets != nil {
			field.Set(reflect.ValueOf(targets))
		}
		return targets != nil
	case schema.References:
		return d.reference(field, a)
	case schema.Values:
		d.values(field, s, a)
		return true
	}
	v, ok := d.value(a.Expr)
	d.config.learn(a.Name, v)
	switch {
	case !ok:
		return false
	case v.IsNull() && s.Required:
		return d.fail(problem(a.Expr.Range(), "Missing option", "%q must have a value, and null is none.", a.Name))
	case !v.IsNull():
		d.set(field, s, a.Name, a.Expr, v)
	}
	return true
}

// set converts a setting's value to what the field takes.
func (d *decoder) set(field reflect.Value, s *schema.Attribute, name string, expr hcl.Expression, v cty.Value) {
	wrong := func(format string, args ...any) {
		d.fail(problem(expr.Range(), "Wrong type", "%q %s", name, fmt.Sprintf(format, args...)))
	}
	switch s.Kind {
	case schema.Any:
		field.Set(reflect.ValueOf(goValue(v)))
		return
	case schema.AnyMap:
		m, ok := goValue(v).(map[string]any)
		if !ok {
			wrong("must be a map, and not %s.", article(friendly(v.Type())))
			return
		}
		field.Set(reflect.ValueOf(m))
		return
	}
	want := map[schema.Kind]cty.Type{schema.Bool: cty.Bool, schema.Int: cty.Number, schema.Float: cty.Number,
		schema.Strings: cty.List(cty.String), schema.StringMap: cty.Map(cty.String)}[s.Kind]
	if want == cty.NilType {
		want = cty.String
	}
	c, err := d.budget.Convert(v, want)
	if err != nil || !c.IsWhollyKnown() || containsNull(c) {
		wrong("must be %s, and not %s.", kindWords(s), article(friendly(v.Type())))
		return
	}
	switch s.Kind {
	case schema.Bool:
		field.SetBool(c.True())
	case schema.Int:
		n, accuracy := c.AsBigFloat().Int64()
		if accuracy != big.Exact || field.OverflowInt(n) {
			wrong("must be a whole number%s.", d.shown("; %s is none", c.AsBigFloat().String()))
			return
		}
		if s.Unset && n < 0 {
			wrong("must not be less than zero.")
			return
		}
		if s.Unset && n == 0 {
			n = -1
		}
		field.SetInt(n)
	case schema.Float:
		f, _ := c.AsBigFloat().Float64()
		field.SetFloat(f)
	case schema.Strings:
		list := []string{}
		for _, e := range c.AsValueSlice() {
			list = append(list, e.AsString())
		}
		field.Set(reflect.ValueOf(list))
	case schema.StringMap:
		m := map[string]string{}
		for k, e := range c.AsValueMap() {
			m[k] = e.AsString()
		}
		field.Set(reflect.ValueOf(m))
	default:
		d.text(field, s, name, expr, c.AsString())
	}
}

// text sets the kinds that are written as strings.
func (d *decoder) text(field reflect.Value, s *schema.Attribute, name string, expr hcl.Expression, text string) {
	wrong := func(format string, args ...any) {
		what := fmt.Sprintf(format, args...)
		if d.hide {
			what += " Its value came from the environment or a file, and is not shown."
		}
		d.fail(problem(expr.Range(), "Wrong value", "%q %s", name, what))
	}
	switch s.Kind {
	case schema.String:
		if s.Beside && text != "" && !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(expr.Range().Filename), text)
		}
		field.SetString(text)
	case schema.Enum:
		if !slices.Contains(s.Options, text) {
			wrong("cannot be %s.%s", cmp.Or(d.shown("%q", text), "this"), d.shown("%s", didYouMean(text, s.Options, "%q")))
			return
		}
		field.SetString(text)
	case schema.Duration:
		t, err := time.ParseDuration(text)
		switch {
		case s.Never && text == "never":
			field.SetInt(-1)
		case err != nil:
			wrong("is no duration%s. Write a number and a unit, like 500ms, 5s or 1h30m%s.", d.shown(": %q", text), ofDays(text))
		case t < 0:
			wrong("must not be less than zero.")
		default:
			field.SetInt(int64(t))
		}
	case schema.Size, schema.ReadText:
		if err := field.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			wrong("is wrong%s.", d.shown(": %v", err))
		}
	case schema.Program:
		if text == "" {
			return // as if it were not there
		}
		field.Set(reflect.ValueOf(adapter.Program{Source: text, Text: d.later(expr, text)}))
	default:
		d.expression(field, s, expr, text)
	}
}

// shown is how a diagnostic tells a value; "" where it may not.
func (d *decoder) shown(format string, value any) string {
	if d.hide {
		return ""
	}
	return fmt.Sprintf(format, value)
}

// sentence makes an error's text one.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// ofDays helps with a unit that durations do not have.
func ofDays(text string) string {
	if strings.HasSuffix(text, "d") {
		return "; a day is 24h"
	}
	return ""
}

// kindWords says what an attribute takes.
func kindWords(a *schema.Attribute) string {
	if a.Kind.Expression() {
		return "an expression, which is a string"
	}
	switch a.Kind {
	case schema.Enum:
		return `one of "` + strings.Join(a.Options, `", "`) + `"`
	case schema.Duration:
		if a.Never {
			return `a duration like "5s", or "never"`
		}
		return `a duration like "5s"`
	case schema.Size:
		return `a size like "1MiB"`
	case schema.ReadText:
		return "a string"
	case schema.Any:
		return "any value"
	}
	return article(string(a.Kind))
}

func containsNull(v cty.Value) bool {
	if v.IsNull() {
		return true
	}
	if v.CanIterateElements() {
		for _, e := range v.AsValueSlice() {
			if e.IsNull() {
				return true
			}
		}
	}
	return false
}

// goValue turns a setting into plain Go values: whole numbers become int64, others
// what they are in a message.
func goValue(v cty.Value) any {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	t := v.Type()
	switch {
	case t == cty.String:
		return v.AsString()
	case t == cty.Bool:
		return v.True()
	case t == cty.Number:
		if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
			return n
		}
		return content.ParseNumber(v.AsBigFloat().Text('f', -1))
	case t.IsObjectType() || t.IsMapType():
		m := map[string]any{}
		for k, e := range v.AsValueMap() {
			m[k] = goValue(e)
		}
		return m
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		list := []any{}
		for _, e := range v.AsValueSlice() {
			list = append(list, goValue(e))
		}
		return list
	}
	return nil
}
