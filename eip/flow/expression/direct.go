package expression

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"
)

// The two forms that direct compiles to: what computes, and what decides.
type (
	evaluate func(*environment) any
	decide   func(*environment) bool
)

// direct compiles an expression to closures, several times as fast as expr's
// machine; nil where there is a part that only the machine runs, such as a loop.
// The operators are the machine's own functions, so that results and failures are
// its; a test runs random expressions both ways.
func direct(n ast.Node) (evaluate, decide) {
	v := directValue(n)
	if v == nil {
		return nil, nil
	}
	return v, directTest(n)
}

func directValue(n ast.Node) evaluate {
	if v, ok := constant(n); ok {
		return func(*environment) any { return v }
	}
	switch n := n.(type) {
	case *ast.CallNode:
		return directCall(n)
	case *ast.BuiltinNode:
		f := builtin.Builtins[builtin.Index[n.Name]].Fast
		if f == nil || len(n.Arguments) != 1 {
			return nil
		}
		return unary(n.Arguments[0], f)
	case *ast.MemberNode:
		return directMember(n)
	case *ast.UnaryNode:
		switch n.Operator {
		case "-":
			return unary(n.Node, runtime.Negate)
		case "+":
			return directValue(n.Node)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&", "or", "||":
			return junction(n)
		case "??":
			return coalesce(n)
		}
		if f := operators[n.Operator]; f != nil {
			return binary(n, f)
		}
	case *ast.ConditionalNode:
		cond, yes, no := directTest(n.Cond), directValue(n.Exp1), directValue(n.Exp2)
		if cond == nil || yes == nil || no == nil {
			return nil
		}
		return func(e *environment) any {
			if cond(e) {
				return yes(e)
			}
			return no(e)
		}
	}
	if t := decision(n); t != nil {
		return func(e *environment) any { return t(e) }
	}
	return nil
}

// constant is the value of a node that has always the same.
func constant(n ast.Node) (any, bool) {
	if c, ok := n.(*ast.ConstantNode); ok {
		return c.Value, true
	}
	return literal(n)
}

func directCall(n *ast.CallNode) evaluate {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || inner[id.Value] == nil {
		return nil
	}
	if p := placeOf(n); p != nil {
		return func(e *environment) any { return e.read(p) }
	}
	f := inner[id.Value]
	args := make([]evaluate, len(n.Arguments)-1)
	for i, a := range n.Arguments[1:] {
		if args[i] = directValue(a); args[i] == nil {
			return nil
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

// directMember reads a member of message, or of a value that was computed.
func directMember(n *ast.MemberNode) evaluate {
	if n.Optional || n.Method {
		return nil
	}
	if id, ok := n.Node.(*ast.IdentifierNode); ok && id.Value == "message" {
		key, ok := n.Property.(*ast.StringNode)
		if !ok {
			return nil
		}
		f, ok := field(key.Value)
		if !ok {
			return nil
		}
		return func(e *environment) any { return f(e.m) }
	}
	return binaryOf(n.Node, n.Property, runtime.Fetch)
}

var operators = map[string]func(a, b any) any{
	"+":  runtime.Add,
	"-":  runtime.Subtract,
	"*":  runtime.Multiply,
	"/":  func(a, b any) any { return runtime.Divide(a, b) },
	"%":  func(a, b any) any { return runtime.Modulo(a, b) },
	"**": func(a, b any) any { return runtime.Exponent(a, b) },
	"^":  func(a, b any) any { return runtime.Exponent(a, b) },
}

func unary(operand ast.Node, f func(any) any) evaluate {
	v := directValue(operand)
	if v == nil {
		return nil
	}
	return func(e *environment) any { return f(v(e)) }
}

func binary(n *ast.BinaryNode, f func(a, b any) any) evaluate { return binaryOf(n.Left, n.Right, f) }

func binaryOf(left, right ast.Node, f func(a, b any) any) evaluate {
	a, b := directValue(left), directValue(right)
	if a == nil || b == nil {
		return nil
	}
	return func(e *environment) any {
		x := a(e)
		return f(x, b(e))
	}
}

// junction is and and or: the right side is evaluated only if needed, and need not
// be a boolean where the result need not.
func junction(n *ast.BinaryNode) evaluate {
	left, right := directTest(n.Left), directValue(n.Right)
	if left == nil || right == nil {
		return nil
	}
	or := n.Operator == "or" || n.Operator == "||"
	return func(e *environment) any {
		if left(e) == or {
			return or
		}
		return right(e)
	}
}

func coalesce(n *ast.BinaryNode) evaluate {
	left, right := directValue(n.Left), directValue(n.Right)
	if left == nil || right == nil {
		return nil
	}
	return func(e *environment) any {
		if v := left(e); !runtime.IsNil(v) {
			return v
		}
		return right(e)
	}
}

// directTest compiles a node whose result must be a boolean.
func directTest(n ast.Node) decide {
	if t := decision(n); t != nil {
		return t
	}
	v := directValue(n)
	if v == nil {
		return nil
	}
	return func(e *environment) bool { return truth(v(e)) }
}

// decision compiles what yields a boolean by itself; nil where that is not so.
func decision(n ast.Node) decide {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator != "!" && n.Operator != "not" {
			return nil
		}
		t := directTest(n.Node)
		if t == nil {
			return nil
		}
		return func(e *environment) bool { return !t(e) }
	case *ast.BinaryNode:
		return comparison(n)
	}
	return nil
}
