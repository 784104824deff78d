package flow

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/jsonschema"
)

// A Ref names a channel, an adapter or a broker. It is what `queue.orders` evaluates to:
// these are values, so that lists, locals and conditions of them work as of any other
// value.
type Ref struct {
	Kind string // "queue", "topic", "adapter", "broker", "store", "schema" or "flow"
	Name string
}

func (r Ref) String() string { return r.Kind + "." + r.Name }

var refType = cty.Capsule("channel or adapter", reflect.TypeFor[Ref]())

func refValue(r Ref) cty.Value { return cty.CapsuleVal(refType, &r) }

// The option types of the language's own blocks that hold references. The decoder
// fills them in; Range is where it was written.
type (
	brokerRef  struct{ At *located }
	queueRef   struct{ At *located }
	topicRef   struct{ At *located }
	sourceRefs []*located
	flowRefs   []*located
	// what interceptors name
	interceptedRefs []*located
)

type located struct {
	Ref
	Range hcl.Range
}

func (brokerRef) ReferenceKinds() []string  { return []string{"broker"} }
func (queueRef) ReferenceKinds() []string   { return []string{"queue"} }
func (topicRef) ReferenceKinds() []string   { return []string{"topic"} }
func (sourceRefs) ReferenceKinds() []string { return []string{"queue", "topic", "adapter"} }
func (interceptedRefs) ReferenceKinds() []string {
	return []string{"queue", "topic", "adapter", "flow"}
}
func (flowRefs) ReferenceKinds() []string { return []string{"flow"} }

// refs evaluates an expression to one reference or a list of them, each of one of
// the kinds.
func (d *decoder) refs(expr hcl.Expression, what string, kinds ...string) []*located {
	if list, diags := hcl.ExprList(expr); !diags.HasErrors() { // each with its own place
		var all []*located
		for _, e := range list {
			all = append(all, d.refs(e, what, kinds...)...)
		}
		if len(list) == 0 {
			d.fail(problem(expr.Range(), "Empty list", "%q names nothing. It takes %s, or a list of them.", what, anyOf(kinds)))
		}
		return all
	}
	v, ok := d.value(expr)
	if !ok {
		return nil
	}
	return d.refsOf(v, expr, what, kinds)
}

func (d *decoder) refsOf(v cty.Value, expr hcl.Expression, what string, kinds []string) (all []*located) {
	r := expr.Range()
	switch {
	case v.IsNull() || !v.IsKnown():
		d.fail(problem(r, "No channel", "%q is null. It takes %s.", what, anyOf(kinds)))
	case v.Type() == refType:
		found := *v.EncapsulatedValue().(*Ref)
		if !slices.Contains(kinds, found.Kind) {
			d.fail(problem(r, "Wrong kind of reference", "%q takes %s, and %s is %s.", what, anyOf(kinds), found, article(found.Kind)))
			return nil
		}
		d.tell(found)
		return []*located{{found, r}}
	case v.Type().IsTupleType() || v.Type().IsListType() || v.Type().IsSetType():
		for _, e := range v.AsValueSlice() {
			all = append(all, d.refsOf(e, expr, what, kinds)...)
		}
		if len(all) == 0 {
			d.fail(problem(r, "Empty list", "%q names nothing. It takes %s, or a list of them.", what, anyOf(kinds)))
		}
	case v.Type() == cty.String:
		return d.quotedRef(v.AsString(), expr, what, kinds)
	default:
		d.fail(problem(r, "Wrong type", "%q takes %s, written like %s.NAME, and not %s.", what, anyOf(kinds), kinds[0], article(friendly(v.Type()))))
	}
	return all
}

// quotedRef reads a reference that stands in quotes: JSON has no other way; in
// native syntax it is a mistake that is easily mended.
func (d *decoder) quotedRef(text string, expr hcl.Expression, what string, kinds []string) []*located {
	r := expr.Range()
	traversal, diags := hclsyntax.ParseTraversalAbs([]byte(text), r.Filename, r.Start)
	if diags.HasErrors() || len(traversal) < 2 {
		d.fail(problem(r, "Wrong type", "%q takes %s, written like %s.NAME without quotes, and not a string.", what, anyOf(kinds), kinds[0]))
		return nil
	}
	if !strings.HasSuffix(r.Filename, ".json") {
		d.fail(problem(r, "Reference in quotes", "Write %s without the quotes.", cmp.Or(d.shown("%s", text), "it")))
		return nil
	}
	inner := &hclsyntax.ScopeTraversalExpr{Traversal: traversal, SrcRange: r}
	if v, ok := d.value(inner); ok && v.Type() == refType {
		return d.refsOf(v, inner, what, kinds)
	}
	return nil
}

// reference decodes the language's own references, and reports whether it could.
func (d *decoder) reference(field reflect.Value, a *syntax.Attribute) bool {
	kinds := field.Interface().(schema.Reference).ReferenceKinds()
	found := d.refs(a.Expr, a.Name, kinds...)
	if len(found) == 0 {
		return false
	}
	if field.Kind() == reflect.Slice {
		field.Set(reflect.ValueOf(found).Convert(field.Type()))
		return true
	}
	if len(found) > 1 {
		return d.fail(problem(a.Expr.Range(), "Too many references", "%q takes one.", a.Name))
	}
	if of, ok := field.Addr().Interface().(interface{ Bind(*jsonschema.Schema) }); ok {
		return d.bind(of, found[0].Name)
	}
	if of, ok := field.Addr().Interface().(interface{ Refer(name string) }); ok { // of a stage
		of.Refer(found[0].Name)
		return true
	}
	field.Field(0).Set(reflect.ValueOf(found[0]))
	return true
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
		last := what == "dead_letter" || what == "invalid_message"
		targets = append(targets, eip.Target{Name: r.String(), Handler: d.config.endpoint(d.flow, r.Ref, last || d.direct)})
		if last {
			d.flow.lastResort[r.Ref]++
		}
	}
	return targets
}

func anyOf(kinds []string) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = article(k)
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func friendly(t cty.Type) string {
	switch {
	case t == cty.String:
		return "string"
	case t == cty.Number:
		return "number"
	case t == cty.Bool:
		return "bool"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "list"
	case t.IsObjectType() || t.IsMapType():
		return "map"
	}
	return t.FriendlyName()
}
