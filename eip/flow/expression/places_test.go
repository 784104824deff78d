package expression

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// What is asked for by constant keys is read alone.
func TestPlaces(t *testing.T) {
	tree, err := parser.ParseWithConfig(`body.a.b > 1 && body?.c?.d == headers.region && any(body.items, .x == body.a.b) && len(headers) > 0 && reply != nil && message.id != ""`, newConfig())
	if err != nil {
		t.Fatal(err)
	}
	ast.Walk(&tree.Node, &places{refs: map[ast.Node]*place{}})
	got, want := pathsOf(&tree.Node), []string{"body.a.b", "body.c.d", "body.items", "headers", "headers.region", "reply"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// pathsOf lists what a tree reads, sorted.
func pathsOf(tree *ast.Node) []string {
	found := map[string]bool{}
	ast.Walk(tree, visitor(func(n ast.Node) {
		switch {
		case isCall(n, readHeaders):
			found["headers"] = true
		case isCall(n, readHeader):
			found["headers."+n.(*ast.CallNode).Arguments[1].(*ast.StringNode).Value] = true
		case isCall(n, readWhole):
			found[n.(*ast.CallNode).Arguments[1].(*ast.StringNode).Value] = true
		case isCall(n, readPlace):
			p := placeOf(n)
			found[p.upTo(len(p.path.Keys))] = true
		}
	}))
	return slices.Sorted(maps.Keys(found))
}
