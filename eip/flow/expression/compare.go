package expression

import (
	"math"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/eipd/eipd/eip/flow/expression/internal/document"
)

// comparisons are the operators that yield a boolean of two values.
var comparisons = map[string]func(a, b any) bool{
	"==":         equal,
	"!=":         func(a, b any) bool { return !equal(a, b) },
	"<":          ordered(func(c int) bool { return c < 0 }, runtime.Less),
	"<=":         ordered(func(c int) bool { return c <= 0 }, runtime.LessOrEqual),
	">":          ordered(func(c int) bool { return c > 0 }, runtime.More),
	">=":         ordered(func(c int) bool { return c >= 0 }, runtime.MoreOrEqual),
	"in":         among,
	"contains":   texts(strings.Contains),
	"startsWith": texts(strings.HasPrefix),
	"endsWith":   texts(strings.HasSuffix),
}

// texts is an operator on texts, of which nil has nothing.
func texts(f func(a, b string) bool) func(a, b any) bool {
	return func(a, b any) bool {
		return !runtime.IsNil(a) && !runtime.IsNil(b) && f(a.(string), b.(string))
	}
}

// decides reports whether a node yields a boolean by itself.
func decides(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return n.Operator == "!" || n.Operator == "not"
	case *ast.BinaryNode:
		return isJunction(n) || comparisons[n.Operator] != nil
	case *ast.CallNode:
		return countedOf(n) != nil
	}
	return false
}

// isJunction reports whether a node is and or or.
func isJunction(n ast.Node) bool {
	b, ok := n.(*ast.BinaryNode)
	return ok && (isOr(b) || b.Operator == "and" || b.Operator == "&&")
}

func isOr(n *ast.BinaryNode) bool { return n.Operator == "or" || n.Operator == "||" }

// testOf compiles a node whose result must be a boolean.
func testOf(n ast.Node) decide {
	if !decides(n) {
		v := valueOf(n)
		return func(e *environment) bool { return truth(v(e)) }
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		t := testOf(n.Node)
		return func(e *environment) bool { return !t(e) }
	case *ast.CallNode:
		f, a, b := countedOf(n), valueOf(n.Arguments[1]), valueOf(n.Arguments[2])
		return func(e *environment) bool {
			x := a(e)
			return f(e, x, b(e))
		}
	}
	b := n.(*ast.BinaryNode)
	if isJunction(b) {
		left, right := testOf(b.Left), testOf(b.Right)
		if isOr(b) {
			return func(e *environment) bool { return left(e) || right(e) }
		}
		return func(e *environment) bool { return left(e) && right(e) }
	}
	return comparisonOf(b)
}

// countedOf is the operator that a call stands for which guards has put in its
// place; nil of other calls.
func countedOf(n *ast.CallNode) func(e *environment, a, b any) bool {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil
	}
	return counted[id.Value]
}

func comparisonOf(n *ast.BinaryNode) decide {
	f := comparisons[n.Operator]
	if p := placeOf(n.Left); p != nil {
		if v, ok := constant(n.Right); ok {
			if t := compareRaw(p, n.Operator, v, f); t != nil {
				return t
			}
		}
	}
	a, b := valueOf(n.Left), valueOf(n.Right)
	return func(e *environment) bool {
		x, y := a(e), b(e)
		e.digits(x)
		e.digits(y)
		return f(x, y)
	}
}

// compareRaw compares what is at a place with a constant without decoding it: most
// of what expressions do. It returns nil for what it does not know; what it knows
// not of a value, the general f does.
func compareRaw(p *place, operator string, constant any, f func(a, b any) bool) decide {
	var quick func(v document.Value) (result, ok bool)
	switch c := constant.(type) {
	case string:
		quick = compareText(operator, c)
	case int:
		quick = compareInt(operator, c)
	case float64:
		quick = compareFloat(operator, c)
	case []any:
		quick = compareList(operator, c)
	}
	if quick == nil {
		return nil
	}
	return func(e *environment) bool {
		v := e.peek(p)
		if result, ok := quick(v); ok {
			return result
		}
		x := e.read(p)
		e.digits(x)
		return f(x, constant)
	}
}

func compareText(operator, c string) func(document.Value) (bool, bool) {
	switch operator {
	case "==":
		return func(v document.Value) (bool, bool) { return v.Is(c), true }
	case "!=":
		return func(v document.Value) (bool, bool) { return !v.Is(c), true }
	}
	return nil
}

func compareInt(operator string, c int) func(document.Value) (bool, bool) {
	number := floats(operator, float64(c))
	if number == nil {
		return nil
	}
	// order of two ints; a float, which is below 2^53 or a fraction, is compared as one
	ints := map[string]func(i int) bool{
		"==": func(i int) bool { return i == c }, "!=": func(i int) bool { return i != c },
		"<": func(i int) bool { return i < c }, "<=": func(i int) bool { return i <= c },
		">": func(i int) bool { return i > c }, ">=": func(i int) bool { return i >= c },
	}[operator]
	return func(v document.Value) (bool, bool) {
		if v.Kind == document.Int {
			return ints(v.Int()), true
		}
		return number(v)
	}
}

func compareFloat(operator string, c float64) func(document.Value) (bool, bool) {
	if math.Abs(c) >= safe {
		return nil
	}
	return floats(operator, c)
}

func floats(operator string, c float64) func(document.Value) (bool, bool) {
	switch operator {
	case "==":
		return func(v document.Value) (bool, bool) {
			f, ok := v.Float()
			return ok && f == c, v.Kind != document.Number
		}
	case "!=":
		return func(v document.Value) (bool, bool) {
			f, ok := v.Float()
			return !ok || f != c, v.Kind != document.Number
		}
	case "<":
		return func(v document.Value) (bool, bool) { f, ok := v.Float(); return f < c, ok }
	case "<=":
		return func(v document.Value) (bool, bool) { f, ok := v.Float(); return f <= c, ok }
	case ">":
		return func(v document.Value) (bool, bool) { f, ok := v.Float(); return f > c, ok }
	case ">=":
		return func(v document.Value) (bool, bool) { f, ok := v.Float(); return f >= c, ok }
	}
	return nil
}

// compareList is in, for a constant list.
func compareList(operator string, list []any) func(document.Value) (bool, bool) {
	if operator != "in" {
		return nil
	}
	var each []func(document.Value) (bool, bool)
	for _, c := range list {
		switch c := c.(type) {
		case string:
			each = append(each, compareText("==", c))
		case int:
			each = append(each, compareInt("==", c))
		case float64:
			f := compareFloat("==", c)
			if f == nil {
				return nil
			}
			each = append(each, f)
		default:
			return nil
		}
	}
	return func(v document.Value) (bool, bool) {
		if v.Kind == document.Number {
			return false, false
		}
		for _, is := range each {
			if yes, _ := is(v); yes {
				return true, true
			}
		}
		return false, true
	}
}
