package expression

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"
)

// The two forms that direct compiles to: what computes, and what decides.
type (
	evaluate func(*environment) any
	decide   func(*environment) bool
)

// machineOnly is what direct gives up with at the first part that it does not know.
type machineOnly struct{}

// direct compiles an expression to closures, more than twice as fast as expr's
// machine; nil where there is a part that only the machine runs, such as a loop.
// The operators are the machine's own functions, so that results and failures are
// its; a test runs random expressions both ways.
func direct(n ast.Node) (v evaluate, t decide) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case machineOnly:
			v, t = nil, nil
		default:
			panic(p)
		}
	}()
	return valueOf(n), testOf(n)
}

// valueOf compiles a node.
func valueOf(n ast.Node) evaluate {
	if v, ok := constant(n); ok {
		return func(*environment) any { return v }
	}
	if decides(n) && !isJunction(n) {
		t := testOf(n)
		return func(e *environment) any { return t(e) }
	}
	switch n := n.(type) {
	case *ast.CallNode:
		return callOf(n)
	case *ast.BuiltinNode:
		if f := builtin.Builtins[builtin.Index[n.Name]].Fast; f != nil && len(n.Arguments) == 1 {
			v := valueOf(n.Arguments[0])
			return func(e *environment) any {
				x := v(e)
				if s, ok := x.(string); ok {
					e.work(len(s))
				}
				return f(numeric(x))
			}
		}
	case *ast.MemberNode:
		return memberOf(n)
	case *ast.UnaryNode:
		if n.Operator == "-" {
			return unary(n.Node, negated)
		}
	case *ast.BinaryNode:
		return operationOf(n)
	case *ast.ConditionalNode:
		condition, yes, no := testOf(n.Cond), valueOf(n.Exp1), valueOf(n.Exp2)
		return func(e *environment) any {
			if condition(e) {
				return yes(e)
			}
			return no(e)
		}
	}
	panic(machineOnly{})
}

// constant is the value of a node that has always the same.
func constant(n ast.Node) (any, bool) {
	if c, ok := n.(*ast.ConstantNode); ok {
		return c.Value, true
	}
	return literal(n)
}

func callOf(n *ast.CallNode) evaluate {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || inner[id.Value] == nil {
		panic(machineOnly{})
	}
	if p := placeOf(n); p != nil {
		return func(e *environment) any { return e.read(p) }
	}
	if f := arithmetic[strings.TrimPrefix(id.Value, boundedName(""))]; f != nil {
		return computedOf(n.Arguments[1], n.Arguments[2], f)
	}
	f := inner[id.Value]
	var args []evaluate
	for _, a := range n.Arguments {
		if id, ok := a.(*ast.IdentifierNode); !ok || id.Value != "$env" {
			args = append(args, valueOf(a))
		}
	}
	return func(e *environment) any {
		var some [4]any
		values := some[:0]
		for _, a := range args {
			values = append(values, a(e))
		}
		return f(e, values)
	}
}

// placeOf is the place that a node reads; nil where it does something else.
func placeOf(n ast.Node) *place {
	if !isCall(n, readPlace) {
		return nil
	}
	return n.(*ast.CallNode).Arguments[1].(*ast.ConstantNode).Value.(*place)
}

// memberOf reads a member of message, or of a value that was computed.
func memberOf(n *ast.MemberNode) evaluate {
	if n.Optional || n.Method {
		panic(machineOnly{})
	}
	if id, ok := n.Node.(*ast.IdentifierNode); ok && id.Value == "message" {
		if key, ok := n.Property.(*ast.StringNode); ok {
			if f := field[key.Value]; f != nil {
				return func(e *environment) any { return f(e.m) }
			}
		}
	}
	return binary(n.Node, n.Property, func(a, b any) any { return runtime.Fetch(numeric(a), b) })
}

func operationOf(n *ast.BinaryNode) evaluate {
	if f := arithmetic[n.Operator]; f != nil {
		return computedOf(n.Left, n.Right, f)
	}
	if n.Operator == "??" {
		left, right := valueOf(n.Left), valueOf(n.Right)
		return func(e *environment) any {
			if v := left(e); !runtime.IsNil(v) {
				return v
			}
			return right(e)
		}
	}
	if !isJunction(n) {
		panic(machineOnly{})
	}
	// Only the left side must be a boolean; the right one is the result.
	left, right, or := testOf(n.Left), valueOf(n.Right), isOr(n)
	return func(e *environment) any {
		if left(e) == or {
			return or
		}
		return right(e)
	}
}

// computedOf is binary with the digits of what is computed with counted.
func computedOf(left, right ast.Node, f func(a, b any) any) evaluate {
	a, b := valueOf(left), valueOf(right)
	return func(e *environment) any {
		x, y := a(e), b(e)
		e.digits(x)
		e.digits(y)
		return f(x, y)
	}
}

func unary(operand ast.Node, f func(any) any) evaluate {
	v := valueOf(operand)
	return func(e *environment) any { return f(v(e)) }
}

func binary(left, right ast.Node, f func(a, b any) any) evaluate {
	a, b := valueOf(left), valueOf(right)
	return func(e *environment) any {
		x := a(e)
		return f(x, b(e))
	}
}
