package setting

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Evaluate is expr.Value within the budget. What HCL says of a value that may not be
// shown is left out of the diagnostics.
func (b *Budget) Evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	e := &evaluation{Budget: b}
	b.at = expr.Range()
	v, diags := e.value(expr, ctx)
	e.check(v, true)
	hidden := e.private || IsPrivate(v)
	for _, d := range diags {
		d.EvalContext, d.Expression = nil, nil
		if hidden {
			d.Detail = "It uses what came from the environment or a file, which is not shown, and so no more is said."
		}
	}
	return v, diags
}

type evaluation struct {
	*Budget
	private bool // a value that may not be shown was seen
}

func (e *evaluation) value(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if n, ok := expr.(hclsyntax.Expression); ok {
		return e.count(n, part{}).Value(ctx)
	}
	return e.json(expr, ctx)
}

// json evaluates an expression of HCL's JSON form, in which each string is a
// template.
func (e *evaluation) json(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	e.Spend(perNode, valueBytes)
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		return e.object(pairs, ctx)
	}
	if list, diags := hcl.ExprList(expr); !diags.HasErrors() {
		values, diags := make([]cty.Value, len(list)), hcl.Diagnostics{}
		for i, item := range list {
			v, more := e.json(item, ctx)
			values[i], diags = v, append(diags, more...)
		}
		return cty.TupleVal(values), diags
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
		return v, diags
	}
	at := expr.Range()
	e.Spend(20*len(v.AsString()), 0)
	start := hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + 1, Byte: at.Start.Byte + 1}
	template, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), at.Filename, start)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return e.count(template, part{}).Value(ctx)
}

func (e *evaluation) object(pairs []hcl.KeyValuePair, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	values, marks := map[string]cty.Value{}, cty.ValueMarks{}
	var diags hcl.Diagnostics
	for _, p := range pairs {
		k, more := e.json(p.Key, ctx)
		diags = append(diags, more...)
		v, more := e.json(p.Value, ctx)
		diags = append(diags, more...)
		k, m := k.Unmark()
		maps.Copy(marks, m)
		k, err := convert.Convert(k, cty.String)
		switch {
		case diags.HasErrors():
			continue
		case err != nil || k.IsNull() || !k.IsKnown():
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong key", Detail: "The key of a map is a string.", Subject: p.Key.Range().Ptr()})
			continue
		}
		if _, twice := values[k.AsString()]; twice {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Option set twice", Detail: fmt.Sprintf("%q is in this map already.", k.AsString()), Subject: p.Key.Range().Ptr()})
		}
		values[k.AsString()] = v
	}
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return cty.ObjectVal(values).WithMarks(marks), diags
}

// A part says what becomes of the value of a part of an expression.
type part struct {
	text    bool // it is copied into a text
	operand bool // it is calculated with
	unified bool // its types are compared with each other
}

// counted is a part of an expression that counts.
type counted struct {
	hclsyntax.Expression
	e     *evaluation
	part  part
	key   *counted       // of an index
	marks cty.ValueMarks // of its value
}

func (c *counted) UnwrapExpression() hcl.Expression { return c.Expression }

func (c *counted) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	e := c.e
	e.at = c.Range()
	e.Spend(perNode, 0)
	v, diags := c.Expression.Value(ctx)
	if e.over != nil {
		panic(*e.over)
	}
	e.at = c.Range()
	if v == cty.NilVal {
		return v, diags
	}
	if c.key != nil {
		v = v.WithMarks(c.key.marks) // which HCL drops where it picks from an object
	}
	plain, marks := v.Unmark()
	c.marks = marks
	e.private = e.private || isPrivate(marks)
	if plain.IsNull() || !plain.IsKnown() {
		return v, diags
	}
	isText := plain.Type() == cty.String
	e.check(plain, false)
	switch c.Expression.(type) {
	case *hclsyntax.ForExpr, *hclsyntax.SplatExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr, *hclsyntax.ConditionalExpr:
		if !isText && plain.CanIterateElements() {
			e.Spend(times(perValue, plain.LengthInt()), times(valueBytes, plain.LengthInt()))
		}
	}
	switch {
	case c.part.text && isText:
		e.Spend(len(plain.AsString()), 3*len(plain.AsString())) // while it grows it is there twice, once with room
	case c.part.operand && isText && !isSane(plain.AsString()):
		e.fail(hugeNumber)
	case c.part.unified:
		e.unify(plain)
	}
	return v, diags
}

// unify counts what it takes to find one type for all that is in a value: each is
// compared with each.
func (e *evaluation) unify(v cty.Value) {
	if t := v.Type(); t.IsTupleType() || t.IsObjectType() {
		n := length(v)
		e.Spend(times(10, square(n)), square(n)/2)
	}
}

// count returns an expression that counts what it does, with all of its parts.
func (e *evaluation) count(x hclsyntax.Expression, p part) hclsyntax.Expression {
	plain := func(x hclsyntax.Expression) hclsyntax.Expression {
		if x == nil {
			return nil
		}
		return e.count(x, part{})
	}
	all := func(xs []hclsyntax.Expression, p part) []hclsyntax.Expression {
		counted := make([]hclsyntax.Expression, len(xs))
		for i, x := range xs {
			counted[i] = e.count(x, p)
		}
		return counted
	}
	switch n := x.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.ExprSyntaxError:
		if p == (part{}) || p.text {
			return x // what it takes is in the file
		}
	case *hclsyntax.ObjectConsKeyExpr:
		if _, isName := n.Wrapped.(*hclsyntax.ScopeTraversalExpr); isName || hcl.ExprAsKeyword(n.Wrapped) != "" {
			if !n.ForceNonLiteral {
				return x
			}
		}
		return &hclsyntax.ObjectConsKeyExpr{Wrapped: plain(n.Wrapped), ForceNonLiteral: n.ForceNonLiteral}
	case *hclsyntax.ParenthesesExpr:
		c := *n
		c.Expression = e.count(n.Expression, p)
		return &c
	case *hclsyntax.TemplateWrapExpr:
		c := *n
		c.Wrapped = e.count(n.Wrapped, p)
		return &c
	case *hclsyntax.TemplateExpr:
		c := *n
		c.Parts = all(n.Parts, part{text: true})
		x = &c
	case *hclsyntax.TemplateJoinExpr:
		loop, ok := n.Tuple.(*hclsyntax.ForExpr)
		if !ok {
			break
		}
		c := *loop
		c.CollExpr, c.CondExpr, c.ValExpr = plain(loop.CollExpr), plain(loop.CondExpr), e.count(loop.ValExpr, part{text: true})
		x = &hclsyntax.TemplateJoinExpr{Tuple: &counted{Expression: &c, e: e}}
	case *hclsyntax.ForExpr:
		c := *n
		c.CollExpr, c.KeyExpr, c.ValExpr, c.CondExpr = plain(n.CollExpr), plain(n.KeyExpr), plain(n.ValExpr), plain(n.CondExpr)
		x = &c
	case *hclsyntax.FunctionCallExpr:
		c := *n
		c.Args = all(n.Args, part{})
		x = &c
	case *hclsyntax.ConditionalExpr:
		c := *n
		c.Condition, c.TrueResult, c.FalseResult = plain(n.Condition), e.count(n.TrueResult, part{unified: true}), e.count(n.FalseResult, part{unified: true})
		x = &c
	case *hclsyntax.BinaryOpExpr:
		c := *n
		c.LHS, c.RHS = e.count(n.LHS, part{operand: true}), e.count(n.RHS, part{operand: true})
		x = &c
	case *hclsyntax.UnaryOpExpr:
		c := *n
		c.Val = e.count(n.Val, part{operand: true})
		x = &c
	case *hclsyntax.IndexExpr:
		c := *n
		key := &counted{Expression: e.count(n.Key, part{operand: true}), e: e}
		c.Collection, c.Key = plain(n.Collection), key
		return &counted{Expression: &c, e: e, part: p, key: key}
	case *hclsyntax.RelativeTraversalExpr:
		c := *n
		c.Source = plain(n.Source)
		x = &c
	case *hclsyntax.SplatExpr:
		x = &hclsyntax.SplatExpr{Source: plain(n.Source), Each: plain(n.Each), Item: n.Item, SrcRange: n.SrcRange, MarkerRange: n.MarkerRange}
	case *hclsyntax.TupleConsExpr:
		c := *n
		c.Exprs = all(n.Exprs, part{})
		x = &c
	case *hclsyntax.ObjectConsExpr:
		c := *n
		c.Items = make([]hclsyntax.ObjectConsItem, len(n.Items))
		for i, item := range n.Items {
			c.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: plain(item.KeyExpr), ValueExpr: plain(item.ValueExpr)}
		}
		x = &c
	}
	return &counted{Expression: x, e: e, part: p}
}
