package flow

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// settings are what the settings of all files see. They are complete when the files
// are loaded, and then the same for all that is built of these.
type settings struct {
	variables map[string]cty.Value            // var.NAME
	locals    map[string]*local               // local.NAME
	names     map[string]map[string]hcl.Range // queue, topic, … → NAME → where

	mu   sync.Mutex
	made map[any]any // by once
}

func newSettings() *settings {
	return &settings{variables: map[string]cty.Value{}, locals: map[string]*local{}, names: map[string]map[string]hcl.Range{}, made: map[any]any{}}
}

// once returns what was made of key before, or else makes it: what is built of a
// Config again must see the same, and needs to compile nothing.
func once[T any](s *settings, key any, make func() (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.made[key]; ok {
		return v.(T), nil
	}
	v, err := make()
	if err == nil {
		s.made[key] = v
	}
	return v, err
}

// all returns the keys of what once has made.
func (s *settings) all() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.made))
}

// local is evaluated when first needed, so that their order does not matter.
type local struct {
	attribute *syntax.Attribute
	value     cty.Value
	state     int // 0 not begun, 1 under way, 2 done
	ok        bool
}

var referenceKinds = []string{"broker", "store", "schema", "queue", "topic", "adapter", "flow"}

// context is what settings are evaluated in.
func (d *decoder) context() *hcl.EvalContext {
	if d.names != nil {
		return d.names
	}
	if d.sees != nil {
		d.names = &hcl.EvalContext{Functions: d.functions(), Variables: d.sees}
		return d.names
	}
	c := &hcl.EvalContext{Functions: d.functions(), Variables: map[string]cty.Value{"var": object(d.settings.variables)}}
	for _, kind := range referenceKinds {
		values := map[string]cty.Value{}
		for name := range d.settings.names[kind] {
			values[name] = refValue(Ref{kind, name})
		}
		c.Variables[kind] = object(values)
	}
	d.names = c
	return c
}

func object(values map[string]cty.Value) cty.Value {
	if len(values) == 0 {
		return cty.EmptyObjectVal
	}
	return cty.ObjectVal(values)
}

// maxElements bounds what a setting may grow to: locals that double each other
// grow without limit otherwise.
const maxElements = 100_000

// value evaluates a setting, and notes whether what it is may be shown.
func (d *decoder) value(expr hcl.Expression) (v cty.Value, ok bool) {
	marked, ok := d.evaluate(expr)
	if d.hide = setting.IsPrivate(marked); d.hide {
		d.hidden++
	}
	d.dynamic = append(d.dynamic, setting.DynamicIn(marked)...)
	v, _ = marked.UnmarkDeep()
	d.tell(goValue(v))
	return v, ok
}

// evaluate evaluates a setting. Names are checked before, as HCL's own words for an
// unknown name do not say which names there are. ok is false where it failed.
func (d *decoder) evaluate(expr hcl.Expression) (v cty.Value, ok bool) {
	ctx := d.context()
	needed := map[string]cty.Value{}
	known := true
	for _, t := range expr.Variables() {
		known = d.checkName(t, needed) && known
	}
	if !known {
		return cty.DynamicVal, false
	}
	if len(needed) > 0 {
		ctx = ctx.NewChild()
		ctx.Variables = map[string]cty.Value{"local": object(needed)}
	}
	v, diags := d.compute(expr, ctx)
	for _, diag := range diags {
		d.withQuotes(diag)
		d.diags = append(d.diags, diag)
	}
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	if size := sizeOf(v, maxElements); size > maxElements {
		d.fail(problem(expr.Range(), "Value too large", "This value has more than 100000 elements or 1 MiB of text."))
		return cty.DynamicVal, false
	}
	return v, true
}

// compute evaluates what names only what there is.
func (d *decoder) compute(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	d.file = expr.Range().Filename
	return d.budget.Evaluate(expr, ctx)
}

// checkName reports a name that does not exist, and evaluates the local that does.
func (d *decoder) checkName(t hcl.Traversal, needed map[string]cty.Value) bool {
	root := t.RootName()
	if d.sees != nil {
		_, ok := d.sees[root]
		return ok || d.fail(d.unknownRoot(t, root, slices.Sorted(maps.Keys(d.sees))))
	}
	kinds := append([]string{"var", "local"}, referenceKinds...)
	if d.alone && slices.Contains(kinds, root) {
		return d.fail(problem(t.SourceRange(), "Reference in a variable", "A variable's value cannot depend on anything else. Use a local, which may: locals { name = … }."))
	}
	if !slices.Contains(kinds, root) {
		return d.fail(d.unknownRoot(t, root, kinds))
	}
	if len(t) == 1 {
		if root == "local" {
			for name := range d.settings.locals {
				needed[name] = d.local(name)
			}
		}
		return true
	}
	name := ""
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		name = step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String {
			name = step.Key.AsString()
		}
	}
	r := t[:2].SourceRange()
	if root != "var" && root != "local" && len(t) > 2 {
		return d.fail(problem(t.SourceRange(), "Reference too long", "A reference ends with the name: %s.%s.", root, name))
	}
	switch root {
	case "var":
		if _, ok := d.settings.variables[name]; ok {
			return true
		}
		if _, declared := d.config.variables[name]; declared {
			return false // why it has no value was said already
		}
		return d.fail(problem(r, "Unknown variable", "There is no variable %q.%s Declare it: variable %q { type = string }.", name,
			didYouMean(name, slices.Collect(maps.Keys(d.config.variables)), "var.%s"), name))
	case "local":
		if _, ok := d.settings.locals[name]; !ok {
			return d.fail(problem(r, "Unknown local", "There is no local %q.%s", name, didYouMean(name, slices.Collect(maps.Keys(d.settings.locals)), "local.%s")))
		}
		needed[name] = d.local(name)
		return d.settings.locals[name].ok
	}
	if _, ok := d.settings.names[root][name]; !ok {
		return d.fail(problem(r, "Unknown "+root, "There is no %s %q.%s", root, name, d.elsewhere(root, name)))
	}
	return true
}

// elsewhere says where a missing name may be meant to be.
func (d *decoder) elsewhere(kind, name string) string {
	for _, other := range referenceKinds {
		if _, ok := d.settings.names[other][name]; ok && other != kind {
			return " There is " + article(other) + " of that name: " + other + "." + name + "."
		}
	}
	names := slices.Collect(maps.Keys(d.settings.names[kind]))
	hint := didYouMean(name, names, kind+".%s")
	if strings.HasPrefix(hint, " Did") {
		return hint
	}
	switch kind {
	case "schema":
		return hint + ` Declare it: schema "` + name + `" { file = "…" }.`
	case "adapter":
		return hint + ` Declare it: adapter "KIND" "` + name + `" { … }.`
	default:
		return hint + " Declare it: " + kind + ` "` + name + `" {}.`
	}
}

func (d *decoder) unknownRoot(t hcl.Traversal, root string, kinds []string) *hcl.Diagnostic {
	r := t.SourceRange()
	switch root {
	case "body", "headers", "message", "reply":
		return problem(r, "Expression outside of a string",
			"%q is known only when a message is there, and this is evaluated when the file is loaded. Where an option is an expression, write it as a string: \"%s …\"; ${…} holds settings only.", root, root)
	case "true", "false", "null":
		return problem(r, "Unknown name", "%q is no name.", root)
	}
	for _, kind := range referenceKinds {
		if _, ok := d.settings.names[kind][root]; ok && len(t) == 1 {
			return problem(r, "Unknown name", "There is nothing called %q here. Did you mean %s.%s?", root, kind, root)
		}
	}
	return problem(r, "Unknown name", "There is nothing called %q here.%s A text is written in quotes.", root, didYouMean(root, kinds, "%s.NAME"))
}

// local evaluates a local once.
func (d *decoder) local(name string) cty.Value {
	l := d.settings.locals[name]
	switch l.state {
	case 1:
		round := append(slices.Clone(d.path[slices.Index(d.path, "local."+name):]), "local."+name)
		d.fail(problem(l.attribute.NameRange, "Local needs itself", "local.%s cannot be computed, as it depends on itself: %s.", name, strings.Join(round, " → ")))
		l.state, l.value = 2, cty.DynamicVal
	case 0:
		l.state = 1
		d.path = append(d.path, "local."+name)
		v, ok := d.evaluate(l.attribute.Expr)
		d.path = d.path[:len(d.path)-1]
		if l.state == 1 {
			l.state, l.value, l.ok = 2, v, ok
		}
	}
	return l.value
}

// sizeOf counts elements, and text by the ten bytes, up to a limit.
func sizeOf(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return 1
	}
	t := v.Type()
	switch {
	case t == cty.String:
		return 1 + len(v.AsString())/10
	case t.IsTupleType() || t.IsListType() || t.IsSetType() || t.IsObjectType() || t.IsMapType():
		n := 1
		for it := v.ElementIterator(); it.Next() && n <= limit; {
			_, e := it.Element()
			n += sizeOf(e, limit-n)
		}
		return n
	}
	return 1
}

// withQuotes widens a range that covers what stands between two quotes, as HCL
// gives it of a text, to the text as people see it.
func (d *decoder) withQuotes(diag *hcl.Diagnostic) {
	f := d.config.files[diag.Subject.Filename]
	if f == nil {
		return
	}
	r := *diag.Subject
	if r.Start.Byte > 0 && r.End.Byte < len(f.Bytes) && f.Bytes[r.Start.Byte-1] == '"' && f.Bytes[r.End.Byte] == '"' {
		r.Start.Byte, r.Start.Column = r.Start.Byte-1, r.Start.Column-1
		r.End.Byte, r.End.Column = r.End.Byte+1, r.End.Column+1
		diag.Subject = &r
	}
}
