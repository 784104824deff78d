package expression

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
)

type visitor func(ast.Node)

func (v visitor) Visit(node *ast.Node) { v(*node) }

func mayBeLarge(n ast.Node) bool {
	if mayBeText(n) {
		return true
	}
	switch n.Type().Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		return true
	}
	return false
}

func literals(nodes []ast.Node) (values []any, ok bool) {
	values = make([]any, len(nodes))
	for i, n := range nodes {
		if values[i], ok = literal(n); !ok {
			return nil, false
		}
	}
	return values, true
}

func orNil(n ast.Node) ast.Node {
	if n == nil {
		return &ast.NilNode{}
	}
	return n
}

// dynamic reports whether a node's type shows only at run time.
func dynamic(n ast.Node) bool {
	return n.Type().Kind() == reflect.Interface && !n.Nature().Nil
}

func mayBeText(n ast.Node) bool { return dynamic(n) || n.Nature().IsString() }

func isLiteral(n ast.Node) bool { _, ok := literal(n); return ok }

func literal(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.UnaryNode:
		v, ok := number(n)
		if i, isInt := n.Node.(*ast.IntegerNode); isInt && n.Operator == "-" {
			return -i.Value, true
		}
		return v, ok
	}
	return nil, false
}

// number is the value of a number, signed or not.
func number(n ast.Node) (float64, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.UnaryNode:
		v, ok := number(n.Node)
		if n.Operator == "-" {
			v = -v
		}
		return v, ok && (n.Operator == "-" || n.Operator == "+")
	}
	return 0, false
}

// replace puts a call of ours in a node's place, and keeps its type.
func replace(node *ast.Node, name string, args ...ast.Node) {
	c := call(*node, name, args...)
	c.SetNature(*(*node).Nature())
	*node = c
}

// around is replace for what a chain of ?. may go through: where that ends at a nil,
// nothing else must be on the machine's stack.
func around(node *ast.Node, name string, args ...ast.Node) {
	replace(node, name, args...)
	c := (*node).(*ast.CallNode)
	c.Arguments[0], c.Arguments[1] = c.Arguments[1], c.Arguments[0]
}

// call makes a node that calls a function of ours with the evaluation and args.
func call(where ast.Node, name string, args ...ast.Node) *ast.CallNode {
	callee := &ast.IdentifierNode{Value: name}
	callee.SetLocation(where.Location())
	c := &ast.CallNode{Callee: callee, Arguments: append([]ast.Node{&ast.IdentifierNode{Value: "$env"}}, args...)}
	c.SetLocation(where.Location())
	return c
}

// isCall reports whether a node calls the function of ours with that name.
func isCall(n ast.Node, name string) bool {
	c, ok := n.(*ast.CallNode)
	if !ok {
		return false
	}
	id, ok := c.Callee.(*ast.IdentifierNode)
	return ok && id.Value == name
}
