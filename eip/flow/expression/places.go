package expression

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/eipd/eipd/eip/flow/expression/internal/document"
)

// places replaces body, reply and headers, with as many constant keys as follow,
// by calls that read just that. It relies on ast.Walk visiting children first.
type places struct {
	whole bool                // read the body whole, for tests to compare with
	known []string            // members of reply that stand alone
	refs  map[ast.Node]*place // the calls that it made of body and reply
}

func (p *places) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		switch n.Value {
		case "body", "reply":
			p.put(node, &place{root: n.Value})
		case "headers":
			ast.Patch(node, call(n, readHeaders))
		default:
			if slices.Contains(p.known, n.Value) {
				p.put(node, (&place{root: ""}).then(n.Value, false))
			}
		}
	case *ast.MemberNode:
		if !p.whole {
			p.member(node, n)
		}
	case *ast.ChainNode:
		if !p.whole {
			p.chain(node, n)
		}
	}
}

// read are the members of reply that a tree reads, by the two first keys of their places.
func (p *places) read(tree *ast.Node) (all []string) {
	ast.Find(*tree, func(n ast.Node) bool {
		if at := p.refs[n]; at != nil && at.root == "" {
			name := strings.Join(at.path.Keys[:min(2, len(at.path.Keys))], ".")
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		return false
	})
	return all
}

// put replaces a node by a call that reads a place.
func (p *places) put(node *ast.Node, at *place) {
	var c ast.Node
	if at.path == nil {
		c = call(*node, readWhole, &ast.StringNode{Value: at.root})
	} else {
		c = call(*node, readPlace, &ast.ConstantNode{Value: at})
	}
	p.refs[c] = at
	ast.Patch(node, c)
}

func (p *places) member(node *ast.Node, n *ast.MemberNode) {
	key, ok := n.Property.(*ast.StringNode)
	if !ok || n.Method || n.Optional {
		return
	}
	if base, ok := p.refs[n.Node]; ok {
		p.put(node, base.then(key.Value, false))
	} else if isCall(n.Node, readHeaders) {
		ast.Patch(node, call(n, readHeader, key))
	}
}

// chain replaces a chain with ?. in it where all of it is constant: where a link
// is nil all of the chain is, so a part of it cannot be read alone.
func (p *places) chain(node *ast.Node, n *ast.ChainNode) {
	var links []*ast.MemberNode
	base := n.Node
	for p.refs[base] == nil {
		m, ok := base.(*ast.MemberNode)
		if !ok || m.Method {
			return
		}
		if _, ok := m.Property.(*ast.StringNode); !ok {
			return
		}
		if m.Optional && isCall(m.Node, readHeaders) && m == n.Node { // headers are never nil
			ast.Patch(node, call(n, readHeader, m.Property))
			return
		}
		links = append(links, m)
		base = m.Node
	}
	at := p.refs[base]
	for i := len(links) - 1; i >= 0; i-- {
		at = at.then(links[i].Property.(*ast.StringNode).Value, links[i].Optional)
	}
	p.put(node, at)
}

// then is the place of one more key.
func (at *place) then(key string, optional bool) *place {
	var keys []string
	if at.path != nil {
		keys = at.path.Keys
	}
	return &place{
		root:     at.root,
		path:     document.NewPath(append(keys[:len(keys):len(keys)], key)...),
		optional: append(at.optional[:len(at.optional):len(at.optional)], optional),
	}
}
