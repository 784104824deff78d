package expression

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// loops are the functions that evaluate a part of the expression for each element
// of their first argument.
var loops = map[string]bool{
	"all": true, "none": true, "any": true, "one": true, "filter": true, "map": true, "count": true, "sum": true, "find": true,
	"findIndex": true, "findLast": true, "findLastIndex": true, "groupBy": true, "sortBy": true, "reduce": true,
}

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
		if loops[n.Name] {
			g.loop(node, n)
		} else if bounded[n.Name] != nil {
			replace(node, boundedName(n.Name), n.Arguments...)
		} else {
			for i := range n.Arguments {
				g.plain(&n.Arguments[i])
			}
		}
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && bounded[id.Value] != nil {
			if id.Value == "captures" {
				g.captures(&n.Arguments[1])
			}
			replace(node, boundedName(id.Value), n.Arguments...)
		}
		g.method(n)
	case *ast.MemberNode:
		if key := &n.Property; !isLiteral(*key) && !isCall(*key, passIndex) && mayBeLarge(*key) {
			replace(key, passIndex, *key)
		}
		if _, named := n.Property.(*ast.StringNode); !named && mayBeText(n.Node) {
			around(&n.Node, passItems, n.Node)
		} else {
			g.plain(&n.Node)
		}
	case *ast.SliceNode:
		if mayBeText(n.Node) {
			around(node, boundedName("slice"), n.Node, orNil(n.From), orNil(n.To))
			break
		}
		for _, bound := range []*ast.Node{&n.From, &n.To} {
			if *bound != nil {
				g.plain(bound)
			}
		}
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

// plain is for what expr would take a json.Number for a text.
func (g *guards) plain(node *ast.Node) {
	if g.exact && dynamic(*node) && !isCall(*node, passNumber) {
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

// inLoop replaces what takes long only where it is done often.
type inLoop struct{}

func (inLoop) Visit(node *ast.Node) {
	if b, ok := (*node).(*ast.BuiltinNode); ok && b.Name == "len" && mayBeText(b.Arguments[0]) {
		replace(node, boundedName("len"), b.Arguments...)
	}
}

// loop sees to it that what is looped over is a list.
func (g *guards) loop(node *ast.Node, n *ast.BuiltinNode) {
	over := &n.Arguments[0]
	switch {
	case isCall(*over, checkList) || isCall(*over, passList): // a part that stands in two places
		return
	case len(n.Arguments) == 1: // sum and count of the elements themselves, without a predicate
		replace(over, passList, *over)
	case dynamic(*over):
		replace(over, checkList, *over)
	}
	switch n.Name {
	case "groupBy":
		g.keys(n, groupKey)
	case "sortBy":
		g.keys(n, passKey)
		if g.exact {
			pair(node, n)
		}
	case "reduce":
		g.reduce(n.Arguments[1].(*ast.PredicateNode))
	case "sum":
		g.sum(n)
	}
}

// sum makes a reduce of it, which loses nothing.
func (g *guards) sum(n *ast.BuiltinNode) {
	element := ast.Node(&ast.PointerNode{})
	if len(n.Arguments) == 2 {
		element = n.Arguments[1].(*ast.PredicateNode).Node
	}
	total := call(n, boundedName("+"), element, &ast.PointerNode{Name: "acc"})
	total.SetNature(*n.Nature())
	n.Name, n.Arguments = "reduce", []ast.Node{n.Arguments[0], &ast.PredicateNode{Node: total}, &ast.IntegerNode{}}
}

// pair makes a list of elements and their keys, and sorts that.
func pair(node *ast.Node, n *ast.BuiltinNode) {
	p := n.Arguments[1].(*ast.PredicateNode)
	replace(&p.Node, pairUp, &ast.PointerNode{}, p.Node)
	order := n.Arguments[2:]
	n.Name, n.Arguments = "map", n.Arguments[:2:2]
	replace(node, boundedName("sortBy"), append([]ast.Node{n}, order...)...)
}

// predicate takes a step before each round of a loop.
func (g *guards) predicate(n *ast.PredicateNode) {
	if s, ok := n.Node.(*ast.SequenceNode); ok && isCall(s.Nodes[0], takeStep) {
		return // a part that stands in two places
	}
	ast.Walk(&n.Node, inLoop{})
	g.before(n, call(n, takeStep, &ast.ConstantNode{Value: roundCost(n.Node)}))
}

// reduce counts how deep its result may be nested: each round may put what the one
// before made into a list or map.
func (g *guards) reduce(n *ast.PredicateNode) {
	levels := 0
	ast.Walk(&n.Node, visitor(func(node ast.Node) {
		switch c := node.(type) {
		case *ast.ArrayNode, *ast.MapNode:
			levels++
		case *ast.BuiltinNode:
			levels += 2
		case *ast.CallNode:
			if !isCall(c, takeStep) {
				levels += 2
			}
		}
	}))
	if levels > 0 {
		g.before(n, call(n, nestDeeper, &ast.IntegerNode{Value: levels}))
	}
}

// before puts a call before what a loop evaluates.
func (g *guards) before(n *ast.PredicateNode, c ast.Node) {
	s := &ast.SequenceNode{Nodes: []ast.Node{c, n.Node}}
	s.SetLocation(n.Node.Location())
	s.SetNature(*n.Node.Nature())
	n.Node = s
}

type visitor func(ast.Node)

func (v visitor) Visit(node *ast.Node) { v(*node) }

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

func literals(nodes []ast.Node) (values []any, ok bool) {
	values = make([]any, len(nodes))
	for i, n := range nodes {
		if values[i], ok = literal(n); !ok {
			return nil, false
		}
	}
	return values, true
}

// keys counts the keys that elements are grouped or sorted by.
func (g *guards) keys(n *ast.BuiltinNode, count string) {
	p, ok := n.Arguments[1].(*ast.PredicateNode)
	if !ok || isLiteral(p.Node) || isCall(p.Node, count) {
		return
	}
	replace(&p.Node, count, p.Node)
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
