package expression

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
)

// names finds what expr's checker does not see below values of unknown type, or
// reports less well: names that nothing has, functions that are not called, and
// members that message has not.
type names struct {
	source    string
	known     []string
	variables map[string]bool
	callees   map[ast.Node]bool
	used      []*ast.IdentifierNode
	err       error
}

func checkNames(source string, tree *ast.Node, k kind) error {
	n := &names{source: source, known: k.sees(), variables: map[string]bool{}, callees: map[ast.Node]bool{}}
	ast.Walk(tree, n)
	for _, id := range n.used {
		n.check(id)
	}
	return n.err
}

func (n *names) Visit(node *ast.Node) {
	switch v := (*node).(type) {
	case *ast.IdentifierNode:
		n.used = append(n.used, v)
	case *ast.VariableDeclaratorNode:
		n.variables[v.Name] = true
	case *ast.CallNode:
		n.callees[v.Callee] = true
		if m, ok := v.Callee.(*ast.MemberNode); ok {
			n.method(m)
		}
	case *ast.MemberNode:
		n.member(v)
	}
}

// otherNil are other languages' words for values that have one here.
var otherNil = map[string]string{
	"null": "nil", "NULL": "nil", "Null": "nil", "None": "nil", "undefined": "nil", "Nil": "nil", "NIL": "nil",
	"True": "true", "TRUE": "true", "False": "false", "FALSE": "false",
}

func (n *names) report(node ast.Node, hint, format string, args ...any) {
	if n.err == nil {
		n.err = at(n.source, node.Location(), hint, format, args...)
	}
}

func (n *names) check(id *ast.IdentifierNode) {
	_, isFunction := builtin.Index[id.Value]
	isFunction = isFunction || id.Value == "captures"
	switch {
	case id.Value == "env" || id.Value == "$env":
		n.report(id, "Use env(…) in a setting of the flow file.", "Expressions do not see the environment.")
	case n.callees[id] && isFunction:
	case n.callees[id]:
		n.report(id, didYouMean(id.Value, append([]string{"captures"}, builtin.Names...)), "There is no function %q.", short(id.Value))
	case n.variables[id.Value] || slices.Contains(n.known, id.Value):
	case isFunction:
		n.report(id, "Call it: "+id.Value+"(…).", "%q is a function.", id.Value)
	case id.Value == "var" || id.Value == "local":
		n.report(id, "Put its value in: ${"+id.Value+".NAME}.", "Expressions do not see the flow file's %q.", id.Value)
	case otherNil[id.Value] != "":
		n.report(id, "Write "+otherNil[id.Value]+".", "There is no name %q.", short(id.Value))
	case id.Value == "reply":
		n.report(id, "", "Only a merge sees reply.")
	default:
		names := n.known
		for v := range n.variables {
			names = append(names, v)
		}
		slices.Sort(names)
		hint := didYouMean(id.Value, names)
		if text := quoted(n.source); text != "" && !strings.HasPrefix(hint, "Did you mean") {
			hint = text
		}
		n.report(id, hint, "There is no name %q.", short(id.Value))
	}
}

func (n *names) member(m *ast.MemberNode) {
	key, ok := m.Property.(*ast.StringNode)
	if !ok {
		if id, ok := m.Node.(*ast.IdentifierNode); ok && id.Value == "message" {
			n.report(m, "", "The members of message are named, as in message.id.")
		}
		return
	}
	if id, ok := m.Node.(*ast.IdentifierNode); ok && id.Value == "message" && !slices.Contains(envelopeNames, key.Value) {
		n.report(key, didYouMean(key.Value, envelopeNames), "message has no member %q.", short(key.Value))
	}
	if parent, ok := m.Node.(*ast.MemberNode); ok {
		id, isID := parent.Node.(*ast.IdentifierNode)
		name, isName := parent.Property.(*ast.StringNode)
		if isID && isName && id.Value == "message" && name.Value == "sequence" && !slices.Contains(sequenceNames, key.Value) {
			n.report(key, didYouMean(key.Value, sequenceNames), "message.sequence has no member %q.", short(key.Value))
		}
	}
}

// method refuses to call what is data.
func (n *names) method(m *ast.MemberNode) {
	base := m.Node
	for {
		inner, ok := base.(*ast.MemberNode)
		if !ok {
			break
		}
		base = inner.Node
	}
	if id, ok := base.(*ast.IdentifierNode); ok && (id.Value == "body" || id.Value == "reply") {
		n.report(m.Property, "", "%s is data and has no functions.", id.Value)
	}
}
