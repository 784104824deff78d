package flow

import (
	"cmp"
	"errors"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

// expression compiles a string into what the field takes.
func (d *decoder) expression(field reflect.Value, s *schema.Attribute, expr hcl.Expression, text string) {
	sees := sight{names: s.Sees, decides: s.Decides}
	if of, ok := field.Addr().Interface().(schema.Decider); ok {
		sees.decides, sees.deciders = true, of.Decides()
	}
	p, err := d.compileText(s.Kind, expr, text, sees)
	if err != nil {
		return
	}
	if own, ok := p.(seeing); ok {
		if seer, ok := field.Addr().Interface().(schema.Seer); ok {
			seer.Compiled(own.merge, own.reads)
			return
		}
		p = own.merge
	}
	field.Set(reflect.ValueOf(p))
}

// sight is what an expression sees of a reply. Where it decides, deciders are those members
// that may be true or false by themselves; nil: any.
type sight struct {
	names, deciders []string
	decides         bool
}

func (s sight) compile(text string, limits *expression.Limits) (seeing, error) {
	var own seeing
	var err error
	if s.decides {
		own.merge, own.reads, err = expression.Deciding(text, s.names, s.deciders, limits)
	} else {
		own.merge, own.reads, err = expression.Seeing(text, s.names, limits)
	}
	return own, err
}

// seeing is an expression that sees members of a reply.
type seeing struct {
	merge eip.Merge
	reads []string
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
	case schema.List:
		return expression.List(text, limits...)
	case schema.Number:
		return expression.Number(text, limits...)
	case schema.Time:
		return expression.Time(text, limits...)
	case schema.Priority:
		return expression.Priority(text, limits...)
	case schema.Lifetime:
		return expression.Lifetime(text, limits...)
	}
	return expression.Value(text, limits...)
}

// compileText compiles an expression of a kind, and reports an error at the part of the
// flow file that is guilty.
func (d *decoder) compileText(kind schema.Kind, expr hcl.Expression, text string, sees sight) (any, error) {
	type key struct {
		kind       schema.Kind
		flow, text string // the flow says what an evaluation may do
		clock      eip.Clock
		decides    bool
	}
	k := key{kind: kind, text: text, clock: d.limits.Clock, decides: sees.decides}
	if d.flow != nil {
		k.flow = d.flow.Name
	}
	compiled, err := once(d.settings, k, func() (any, error) {
		if sees.names != nil {
			return sees.compile(text, d.limits)
		}
		return program(kind, text, d.limits)
	})
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
			r = syntax.Map(expr, f.Bytes, text, d.evaluate)(e.From, e.To)
		}
		detail = strings.TrimSpace(e.Message + " " + e.Hint)
	}
	d.fail(problem(r, "Wrong expression", "%s", sentence(detail)))
	return nil, err
}

// errReported is of what a diagnostic says already.
var errReported = errors.New("it does not compile")

// later compiles a text when it is known that it is a program.
func (d *decoder) later(expr hcl.Expression, text string) func() (eip.Text, error) {
	hide := d.hide
	return func() (eip.Text, error) {
		d.hide = hide
		compiled, err := d.compileText(schema.Text, expr, text, sight{})
		if err != nil {
			return nil, errReported
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

// values decodes a map of expressions, each with its own place.
func (d *decoder) values(field reflect.Value, s *schema.Attribute, a *syntax.Attribute) {
	pairs, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() {
		d.fail(problem(a.Expr.Range(), "Wrong type", "%q must be a map of expressions: { name = \"expression\" }.", a.Name))
		return
	}
	m := reflect.MakeMap(field.Type())
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
		if m.MapIndex(reflect.ValueOf(k)).IsValid() {
			d.fail(problem(p.Key.Range(), "Option set twice", "%s is in this map already.", name))
			continue
		}
		one := reflect.New(field.Type().Elem()).Elem()
		if d.expression(one, s, p.Value, text.AsString()); !one.IsZero() {
			m.SetMapIndex(reflect.ValueOf(k), one)
		}
	}
	field.Set(m)
}

func (d *decoder) mapKey(expr hcl.Expression) (string, bool) {
	k, diags := d.compute(expr, d.context())
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
