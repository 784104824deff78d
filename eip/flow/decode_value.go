package flow

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

// attribute decodes one option of a block, and reports whether it could. null leaves
// the default.
func (d *decoder) attribute(block reflect.Value, s *schema.Attribute, a *syntax.Attribute) bool {
	before := len(d.diags)
	field := block.FieldByIndex(s.Index)
	if s.Live {
		field = reflect.New(s.Type).Elem()
		field.Set(s.Value(block))
	}
	sound := d.decodeAttribute(field, s, a) && !d.diags[before:].HasErrors()
	if s.Live {
		s.Option(block).SetValue(field.Interface(), "")
	}
	return sound
}

func (d *decoder) decodeAttribute(field reflect.Value, s *schema.Attribute, a *syntax.Attribute) bool {
	switch s.Kind {
	case schema.Handler:
		if h := d.handler(a.Expr, a.Name); h != nil {
			field.Set(reflect.ValueOf(h))
		}
		return true
	case schema.Targets:
		if targets := d.targets(a.Expr, a.Name); targets != nil {
			field.Set(reflect.ValueOf(targets))
		}
		return true
	case schema.References:
		d.reference(field, a)
		return true
	case schema.Values:
		d.values(field, a)
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
		case err != nil:
			wrong("is no duration%s. Write a number and a unit, like 500ms, 5s or 1h30m.", d.shown(": %q", text))
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
		d.expression(field, s.Kind, expr, text)
	}
}

// expression compiles a string into what the field takes.
func (d *decoder) expression(field reflect.Value, kind schema.Kind, expr hcl.Expression, text string) {
	if p, err := d.compileText(kind, expr, text); err == nil {
		field.Set(reflect.ValueOf(p))
	}
}

// program compiles an expression of a kind.
func program(kind schema.Kind, text string, limits ...*expression.Limits) (any, error) {
	switch kind {
	case schema.Predicate:
		return expression.Predicate(text, limits...)
	case schema.Text:
		return expression.Text(text, limits...)
	case schema.Merge:
		return expression.Merge(text, limits...)
	case schema.Names:
		return expression.Names(text, limits...)
	}
	return expression.Value(text, limits...)
}

// compileText compiles an expression of a kind, and reports an error at the part of the
// flow file that is guilty.
func (d *decoder) compileText(kind schema.Kind, expr hcl.Expression, text string) (any, error) {
	type key struct {
		kind       schema.Kind
		flow, text string // the flow says what an evaluation may do
	}
	k := key{kind: kind, text: text}
	if d.flow != nil {
		k.flow = d.flow.Name
	}
	compiled, err := once(d.settings, k, func() (any, error) { return program(kind, text, d.limits) })
	if err == nil {
		return compiled, nil
	}
	if x := (setting.Exceeded{}); errors.As(err, &x) {
		panic(x)
	}
	r := expr.Range()
	detail := err.Error()
	var e *expression.Error
	switch {
	case d.hide:
		detail = "It was put together of what came from the environment or a file, which is not shown, and does not compile"
	case errors.As(err, &e):
		if f := d.config.files[r.Filename]; f != nil {
			r = expression.Map(expr, f.Bytes, text)(e.From, e.To)
		}
		detail = strings.TrimSpace(e.Message + " " + e.Hint)
	}
	d.fail(problem(r, "Wrong expression", "%s", sentence(detail)))
	return nil, err
}

// shown is how a diagnostic tells a value; "" where it may not.
func (d *decoder) shown(format string, value any) string {
	if d.hide {
		return ""
	}
	return fmt.Sprintf(format, value)
}

// later compiles a text when it is known that it is a program.
func (d *decoder) later(expr hcl.Expression, text string) func() (eip.Text, error) {
	hide := d.hide
	return func() (eip.Text, error) {
		d.hide = hide
		compiled, err := d.compileText(schema.Text, expr, text)
		if err != nil {
			return nil, err
		}
		return compiled.(eip.Text), nil
	}
}

// source returns the text of an expression that could be decoded, to show it.
func (d *decoder) source(a *syntax.Attribute) string {
	if a == nil {
		return ""
	}
	v, ok := d.value(a.Expr)
	if !ok || v.IsNull() {
		return ""
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil {
		return ""
	}
	return d.config.Redact(text.AsString())
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

// values decodes a map of expressions, each with its own place.
func (d *decoder) values(field reflect.Value, a *syntax.Attribute) {
	pairs, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() {
		d.fail(problem(a.Expr.Range(), "Wrong type", "%q must be a map of expressions: { name = \"expression\" }.", a.Name))
		return
	}
	m := map[string]eip.Value{}
	for _, p := range pairs {
		k, ok := d.mapKey(p.Key)
		name := cmp.Or(d.shown("%q", k), "What this key names")
		v, valueOK := d.value(p.Value)
		if !ok || !valueOK {
			continue
		}
		text, err := convert.Convert(v, cty.String)
		if err != nil || v.IsNull() {
			d.fail(problem(p.Value.Range(), "Wrong type", "%s must be an expression, which is a string.", name))
			continue
		}
		if _, twice := m[k]; twice {
			d.fail(problem(p.Key.Range(), "Option set twice", "%s is in this map already.", name))
			continue
		}
		if compiled, err := d.compileText(schema.Value, p.Value, text.AsString()); err == nil {
			m[k] = compiled.(eip.Value)
		}
	}
	field.Set(reflect.ValueOf(m))
}

func (d *decoder) mapKey(expr hcl.Expression) (string, bool) {
	k, diags := d.budget.Evaluate(expr, d.context(expr.Range().Filename))
	d.hide = setting.IsPrivate(k)
	k, _ = k.Unmark()
	if diags.HasErrors() || k.IsNull() || !k.IsKnown() {
		return "", d.fail(problem(expr.Range(), "Wrong key", "This cannot be the key of a map. Write it in quotes."))
	}
	k, err := convert.Convert(k, cty.String)
	if err != nil {
		return "", d.fail(problem(expr.Range(), "Wrong key", "The key of a map is a string."))
	}
	d.tell(k.AsString())
	return k.AsString(), true
}

// reference decodes the language's own references.
func (d *decoder) reference(field reflect.Value, a *syntax.Attribute) {
	kinds := field.Interface().(schema.Reference).ReferenceKinds()
	found := d.refs(a.Expr, a.Name, kinds...)
	if len(found) == 0 {
		return
	}
	if field.Kind() == reflect.Slice {
		field.Set(reflect.ValueOf(sourceRefs(found)))
		return
	}
	if len(found) > 1 {
		d.fail(problem(a.Expr.Range(), "Too many references", "%q takes one.", a.Name))
		return
	}
	field.Field(0).Set(reflect.ValueOf(found[0]))
}

// handler decodes `to` and its like: one channel or adapter, or several that each
// get the message.
func (d *decoder) handler(expr hcl.Expression, what string) eip.Handler {
	targets := d.targets(expr, what)
	if len(targets) == 0 {
		return nil
	}
	handlers := make([]eip.Handler, len(targets))
	for i, t := range targets {
		handlers[i] = t.Handler
	}
	if len(handlers) == 1 {
		return handlers[0]
	}
	return eip.Multicast(handlers)
}

func (d *decoder) targets(expr hcl.Expression, what string) (targets []eip.Target) {
	for _, r := range d.refs(expr, what, "queue", "topic", "adapter") {
		if r.Kind == "adapter" && !d.config.checkSink(d, r) {
			continue
		}
		targets = append(targets, eip.Target{Name: r.String(), Handler: d.flow.endpoint(r.Ref, d.config.adapterOf(r.Ref))})
		if what == "dead_letter" || what == "invalid_message" {
			d.flow.lastResort[r.Ref]++
		}
	}
	return targets
}

// kindWords says what an attribute takes.
func kindWords(a *schema.Attribute) string {
	switch a.Kind {
	case schema.Enum:
		return `one of "` + strings.Join(a.Options, `", "`) + `"`
	case schema.Predicate, schema.Value, schema.Text, schema.Merge, schema.Names:
		return "an expression, which is a string"
	case schema.Duration:
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
