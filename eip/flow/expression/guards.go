package expression

import (
	"github.com/expr-lang/expr/ast"
)

// guards replaces what could run or grow without bound, or yield what is no
// result, by calls that fail then. It visits a tree whose types are known, and
// keeps them.
type guards struct {
	source string
	exact  bool // put ours in the place of all operators on numbers
	err    error
}

func (g *guards) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		g.predicate(n)
	case *ast.BuiltinNode:
		g.builtin(node, n)
	case *ast.CallNode:
		g.call(node, n)
	case *ast.MemberNode:
		g.member(n)
	case *ast.SliceNode:
		if mayBeText(n.Node) {
			around(node, boundedName("slice"), n.Node, orNil(n.From), orNil(n.To))
			break
		}
		g.plain(&n.From)
		g.plain(&n.To)
	case *ast.UnaryNode:
		if n.Operator == "-" && !isLiteral(n) {
			replace(node, negate, n.Node)
		}
	case *ast.PairNode:
		if !isLiteral(n.Key) {
			replace(&n.Key, passText, n.Key)
		}
	case *ast.BinaryNode:
		g.binary(node, n)
	}
}

func (g *guards) builtin(node *ast.Node, n *ast.BuiltinNode) {
	switch {
	case loops[n.Name]:
		g.loop(node, n)
	case bounded[n.Name] != nil:
		replace(node, boundedName(n.Name), n.Arguments...)
	default:
		for i := range n.Arguments {
			g.plain(&n.Arguments[i])
		}
	}
}

func (g *guards) call(node *ast.Node, n *ast.CallNode) {
	if id, ok := n.Callee.(*ast.IdentifierNode); ok && bounded[id.Value] != nil {
		if id.Value == "captures" {
			g.captures(&n.Arguments[1])
		}
		replace(node, boundedName(id.Value), n.Arguments...)
	}
	g.method(n)
}

func (g *guards) member(n *ast.MemberNode) {
	if key := &n.Property; !isLiteral(*key) && !isCall(*key, passIndex) && mayBeLarge(*key) {
		replace(key, passIndex, *key)
	}
	if _, named := n.Property.(*ast.StringNode); !named && mayBeText(n.Node) {
		around(&n.Node, passItems, n.Node)
	} else {
		g.plain(&n.Node)
	}
}

// plain is for what expr would take a json.Number for a text.
func (g *guards) plain(node *ast.Node) {
	if g.exact && *node != nil && dynamic(*node) && !isCall(*node, passNumber) {
		around(node, passNumber, *node)
	}
}

// method counts the text that a method is given: a layout, say.
func (g *guards) method(n *ast.CallNode) {
	if m, ok := n.Callee.(*ast.MemberNode); ok && m.Method {
		for i, a := range n.Arguments {
			if !isLiteral(a) && mayBeText(a) {
				replace(&n.Arguments[i], passLayout, a)
			}
		}
	}
}

func (g *guards) binary(node *ast.Node, n *ast.BinaryNode) {
	if v, ok := number(n.Right); ok && v == 0 && n.Operator == "/" && g.err == nil {
		g.err = at(g.source, n.Location(), "", "This divides by zero.")
	}
	literals := isLiteral(n.Left) && isLiteral(n.Right)
	switch n.Operator {
	case "+":
		if mayBeText(n.Left) && mayBeText(n.Right) && !literals {
			replace(node, add, n.Left, n.Right)
		} else if !literals {
			replace(node, boundedName("+"), n.Left, n.Right)
		}
	case "-", "*", "/", "%", "**", "^":
		if !literals || n.Operator == "/" {
			replace(node, boundedName(n.Operator), n.Left, n.Right)
		}
	case "..":
		g.plain(&n.Left)
		g.plain(&n.Right)
	case "matches":
		g.matches(node, n)
	case "in":
		g.in(node, n)
	case "contains":
		replace(node, boundedName("contains"), n.Left, n.Right)
	default:
		if cost[n.Operator] != nil && (g.exact || !isLiteral(n.Left) && !isLiteral(n.Right) && mayBeLarge(n.Left) && mayBeLarge(n.Right)) {
			replace(node, boundedName(n.Operator), n.Left, n.Right)
		}
	}
}

// matches compiles a constant pattern once.
func (g *guards) matches(node *ast.Node, n *ast.BinaryNode) {
	source, constant := n.Right.(*ast.StringNode)
	if !constant {
		replace(node, matches, n.Left, n.Right)
		return
	}
	p, err := newPattern(source.Value)
	if err != nil { // the checker has compiled it before
		panic(err)
	}
	replace(node, matches, n.Left, &ast.ConstantNode{Value: p})
}

// captures compiles a constant pattern once.
func (g *guards) captures(node *ast.Node) {
	source, constant := (*node).(*ast.StringNode)
	if !constant {
		return
	}
	p, err := newPattern(source.Value)
	switch {
	case err != nil:
		what, _ := sentence(err.Error())
		err = at(g.source, source.Location(), "", "%s", what)
	case !p.isNamed():
		err = at(g.source, source.Location(), "Name what you want of it: (?<name>…).", "This pattern has no group with a name.")
	default:
		*node = &ast.ConstantNode{Value: p}
	}
	if err != nil && g.err == nil {
		g.err = err
	}
}

// in makes constants of lists, before expr makes sets of them that fail where the
// type of what is looked for is another.
func (g *guards) in(node *ast.Node, n *ast.BinaryNode) {
	switch r := n.Right.(type) {
	case *ast.ArrayNode:
		values, ok := literals(r.Nodes)
		if ok {
			c := &ast.ConstantNode{Value: values}
			c.SetNature(*r.Nature())
			ast.Patch(&n.Right, c)
		}
		if g.exact || !ok {
			replace(node, boundedName("in"), n.Left, n.Right)
		}
	case *ast.BinaryNode:
		from, ok := literal(r.Left)
		to, ok2 := literal(r.Right)
		if _, isInt := from.(int); r.Operator == ".." && ok && ok2 && isInt {
			if _, isInt := to.(int); isInt {
				replace(node, inRange, n.Left, r.Left, r.Right)
			}
		}
	default:
		replace(node, boundedName("in"), n.Left, n.Right)
	}
}
