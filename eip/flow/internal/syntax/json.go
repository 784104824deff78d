package syntax

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"
)

func parseJSON(name string, src []byte) (*File, hcl.Diagnostics) {
	f := &File{Name: name, Bytes: src}
	// As an expression the whole file keeps its order and its doubled keys, which
	// the parser's Body would not.
	expr, diags := json.ParseExpression(src, name)
	if !diags.HasErrors() {
		f.Body = object{exprs: []hcl.Expression{expr}}
	}
	return f, diags
}

// object is a body in JSON: an object, or a list of objects that are read one
// after the other (which is how JSON keeps an order of equal blocks).
type object struct{ exprs []hcl.Expression }

func (o object) Content(isBlock func(string) bool, labelled func(string, string) bool) (Content, hcl.Diagnostics) {
	var c Content
	pairs, diags := o.pairs()
	for _, p := range pairs {
		name, nameRange, err := key(p)
		switch {
		case err != nil:
			diags = append(diags, err)
		case name == "//": // JSON's comment, by HCL's convention
		case isBlock(name):
			blocks, more := jsonBlocks(&Block{Type: name, TypeRange: nameRange}, p.Value, labelled)
			c.Blocks, diags = append(c.Blocks, blocks...), append(diags, more...)
		default:
			c.Attributes = append(c.Attributes, &Attribute{name, nameRange, p.Value})
		}
	}
	return c, diags
}

func (o object) pairs() (all []hcl.KeyValuePair, diags hcl.Diagnostics) {
	for _, e := range o.exprs {
		if list, d := hcl.ExprList(e); !d.HasErrors() {
			more, d := object{list}.pairs()
			all, diags = append(all, more...), append(diags, d...)
			continue
		}
		pairs, d := hcl.ExprMap(e)
		if d.HasErrors() {
			diags = append(diags, problem(e.Range(), "Object expected", "A block in JSON is an object, or a list of objects that are read in their order.")...)
		}
		all = append(all, pairs...)
	}
	return all, diags
}

func key(p hcl.KeyValuePair) (string, hcl.Range, *hcl.Diagnostic) {
	v, diags := p.Key.Value(nil)
	if diags.HasErrors() {
		return "", p.Key.Range(), diags[0]
	}
	return v.AsString(), p.Key.Range(), nil
}

// jsonBlocks reads the value of a property that is a block. An object whose keys
// are all labels holds a block for each.
func jsonBlocks(outer *Block, value hcl.Expression, labelled func(string, string) bool) (blocks []*Block, diags hcl.Diagnostics) {
	pairs, d := hcl.ExprMap(value)
	if d.HasErrors() { // a list of objects may mix both
		if list, d := hcl.ExprList(value); !d.HasErrors() && labelled(path(outer), "") {
			for _, e := range list {
				more, d := jsonBlocks(outer, e, labelled)
				blocks, diags = append(blocks, more...), append(diags, d...)
			}
			return blocks, diags
		}
		b := *outer
		b.Body = object{[]hcl.Expression{value}}
		return []*Block{&b}, nil
	}
	labels, others := 0, 0
	for _, p := range pairs {
		k, _, err := key(p)
		switch {
		case err == nil && k == "//":
		case err == nil && isObject(p.Value) && (labelled(path(outer), k) || namedLike(outer, k, p.Value, labelled)):
			labels++
		default:
			others++
		}
	}
	if labels == 0 || others > 0 {
		b := *outer
		b.Body = object{[]hcl.Expression{value}}
		return []*Block{&b}, nil
	}
	for _, p := range pairs {
		k, r, _ := key(p)
		if k == "//" {
			continue
		}
		b := *outer
		b.Labels = append(slices.Clone(outer.Labels), Label{k, r})
		more, d := jsonBlocks(&b, p.Value, labelled)
		blocks, diags = append(blocks, more...), append(diags, d...)
	}
	return blocks, diags
}

// namedLike reports whether a key that could be a block within outer is a label all the same:
// what it stands before fits outer, and not a block of that name. So a name that people
// have given stays one when a stage of this name comes.
func namedLike(outer *Block, k string, value hcl.Expression, labelled func(string, string) bool) bool {
	pairs, d := hcl.ExprMap(value)
	if d.HasErrors() || len(outer.Labels) > 0 {
		return false
	}
	foreign := false
	for _, p := range pairs {
		inside, _, err := key(p)
		if err != nil || labelled(outer.Type, inside) {
			return false
		}
		foreign = foreign || labelled(k, inside)
	}
	return foreign
}

// path names a block and how many labels it has by now: "adapter", "adapter/1".
func path(b *Block) string {
	if len(b.Labels) == 0 {
		return b.Type
	}
	return fmt.Sprintf("%s/%d", b.Type, len(b.Labels))
}

func isObject(e hcl.Expression) bool {
	if _, d := hcl.ExprMap(e); !d.HasErrors() {
		return true
	}
	list, d := hcl.ExprList(e)
	if d.HasErrors() || len(list) == 0 {
		return false
	}
	for _, e := range list {
		if _, d := hcl.ExprMap(e); d.HasErrors() {
			return false
		}
	}
	return true
}
