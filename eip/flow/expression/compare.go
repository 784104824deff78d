package expression

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
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
	f, a, b := comparisons[n.Operator], valueOf(n.Left), valueOf(n.Right)
	return func(e *environment) bool {
		x, y := a(e), b(e)
		e.digits(x)
		e.digits(y)
		return f(x, y)
	}
}
