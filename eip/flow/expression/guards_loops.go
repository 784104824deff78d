package expression

import (
	"github.com/expr-lang/expr/ast"
)

// loops are the functions that evaluate a part of the expression for each element
// of their first argument.
var loops = map[string]bool{
	"all": true, "none": true, "any": true, "one": true, "filter": true, "map": true, "count": true, "sum": true, "find": true,
	"findIndex": true, "findLast": true, "findLastIndex": true, "groupBy": true, "sortBy": true, "reduce": true,
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

// keys counts the keys that elements are grouped or sorted by.
func (g *guards) keys(n *ast.BuiltinNode, count string) {
	p, ok := n.Arguments[1].(*ast.PredicateNode)
	if !ok || isLiteral(p.Node) || isCall(p.Node, count) {
		return
	}
	replace(&p.Node, count, p.Node)
}
