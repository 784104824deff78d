// Package schema reads from a component's struct what its block in a flow file may
// hold. The decoder, the documentation and `eipd explain` all ask here, so that
// they cannot drift apart.
//
// A field with a `flow` tag is an option:
//
//	`flow:"name"`          an attribute; its kind follows from the field's type
//	`flow:"name,required"` one that must be set
//	`flow:"name,beside"`   a string that is a path, relative to the file that says it
//	`flow:"name,unset"`    a whole number whose 0 says that it is not set; a 0 that is set becomes -1
//	`flow:"name,fixed"`    one that no dynamic variable decides on
//	`flow:"name,never"`    a duration that may be "never", which is -1
//	`flow:"name,names"`    an eip.Value that gives a name or a list of names
//	`flow:"name,list"`     one that gives a list
//	`flow:"name,number"`   one that gives a number
//	`flow:"name,time"`     one that gives a time
//	`flow:"name,priority"` one that gives a number or nil
//	`flow:"name,lifetime"` one that gives a duration, a number or nil
//	`flow:"name,replies"`  an eip.Merge that sees replies and missing, members of its reply
//	`flow:"name,results"`  one that sees results and failures
//	`flow:"name,part"`     one that sees part and index
//	`flow:"name,sent"`     one that sees sent
//	`flow:"name,…,decides"` one of these that gives true or false
//	`flow:"name,block"`    a nested block: a struct, *struct (optional) or []struct (repeatable)
//	`flow:",label"`        a string that takes the block's label
//	`flow:",label,again"`  one that several blocks may have
//	`flow:",body"`         an eip.Pipe: the stages in this block, and its `to`
//	`flow:"name,body"`     an eip.Pipe in a nested block of that name
//
// An attribute whose type is an eip.Live may be set while messages pass; an expression
// only where the attribute `dynamic` of its block, or of one around it, is true.
//
// A body with the further option `ends` must not let a message fall off its end, but
// within a body or block with `open`, which knows what to do with it; one with `through` has
// no `to`, as what passes it goes on.
// Embedded structs add their options. A wrong tag is a mistake in the program and
// panics.
package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A Block is what may stand between a block's braces.
type Block struct {
	Type       reflect.Type
	Label      *Field // the field that takes the label, if any
	Again      bool   // several in one block may have the same label
	Attributes []*Attribute
	Blocks     []*Nested
	Body       *Body // nil: no stages in it
}

// A Field is where in the struct an option lives.
type Field struct {
	Name   string // in flow files; "" of a label or body
	GoName string
	Index  []int // for reflect.Value.FieldByIndex
	Owner  reflect.Type
}

// An Attribute is an option of one value.
type Attribute struct {
	Field
	Kind     Kind
	Type     reflect.Type // of an eip.Live[T]: T
	Live     bool
	Required bool
	Unset    bool     // 0 says that it is not set
	Fixed    bool     // no dynamic variable decides on it
	Beside   bool     // it is a path, relative to the file that says it
	Never    bool     // the duration may be "never", which is negative
	Options  []string // of an enumeration
	Sees     []string // of an expression that sees members of a reply: all its names
	Decides  bool     // such an expression gives true or false
}

// A Nested is a block in a block.
type Nested struct {
	Field
	Block    *Block
	Required bool
	Repeated bool
	Pointer  bool
	Open     bool // what falls off the end of a body within it goes on
}

// A Body holds stages, and may hold `to`.
type Body struct {
	Field
	Ends    bool
	Open    bool // what falls off the end of a body within it goes on
	Through bool // it has no `to`
}

// Attribute returns the attribute of a name, or nil.
func (b *Block) Attribute(name string) *Attribute {
	for _, a := range b.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Nested returns the nested block of a name, or nil.
func (b *Block) Nested(name string) *Nested {
	for _, n := range b.Blocks {
		if n.Name == name {
			return n
		}
	}
	return nil
}

var cache sync.Map // reflect.Type → *Block

// Of returns the schema of a component, which is a struct or a pointer to one.
func Of(component any) *Block {
	t := reflect.TypeOf(component)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return of(t)
}

func of(t reflect.Type) *Block {
	if b, ok := cache.Load(t); ok {
		return b.(*Block)
	}
	b := &Block{Type: t}
	if t.Kind() == reflect.Struct {
		b.add(t, nil)
	}
	cache.Store(t, b)
	return b
}

func (b *Block) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		tag, ok := f.Tag.Lookup("flow")
		if !ok {
			if f.Anonymous && f.Type.Kind() == reflect.Struct {
				b.add(f.Type, at)
			}
			continue
		}
		name, rest, _ := strings.Cut(tag, ",")
		b.option(f, Field{Name: name, GoName: f.Name, Index: at, Owner: t}, rest)
	}
}

func (b *Block) option(f reflect.StructField, field Field, rest string) {
	has := map[string]bool{}
	for o := range strings.SplitSeq(rest, ",") {
		if !slices.Contains(tags, o) && merges[o] == nil && narrower[o] == "" {
			b.bad(f, fmt.Sprintf("has the unknown option %q", o))
		}
		has[o] = true
	}
	switch {
	case has["label"]:
		if f.Type.Kind() != reflect.String || b.Label != nil {
			b.bad(f, "is no string, or the second label")
		}
		b.Label, b.Again = &field, has["again"]
	case has["body"]:
		b.body(f, field, has)
	case field.Name == "":
		b.bad(f, "has no name")
	case has["block"]:
		b.Blocks = append(b.Blocks, nested(b, f, field, has))
	default:
		b.attribute(f, field, has)
	}
}

// tags are what may follow a name in a tag, beside what an expression sees.
var tags = []string{"", "required", "unset", "fixed", "beside", "block", "label", "body", "ends", "through", "open", "never", "again", "decides"}

func (b *Block) body(f reflect.StructField, field Field, has map[string]bool) {
	if f.Type != pipeType {
		b.bad(f, "is a body but no eip.Pipe")
	}
	body := &Body{Field: field, Ends: has["ends"], Open: has["open"], Through: has["through"]}
	if field.Name == "" {
		b.Body = body
		return
	}
	inner := &Block{Type: f.Type, Body: &Body{Field: Field{Index: []int{}, Owner: f.Type}, Ends: body.Ends, Open: body.Open}}
	b.Blocks = append(b.Blocks, &Nested{Field: field, Block: inner})
}

func (b *Block) attribute(f reflect.StructField, field Field, has map[string]bool) {
	t, isLive := liveType(f.Type)
	kind, ok := kindOf(t)
	if !ok || isLive && settable[kind] == "" && !kind.Expression() {
		b.bad(f, "has a type that no option can have: "+f.Type.String())
	}
	for option, k := range narrower {
		if !has[option] {
			continue
		}
		if kind != Value {
			b.bad(f, "has the option "+option+" but is no eip.Value")
		}
		kind = k
	}
	sees := seesOf(t)
	for option, names := range merges {
		if !has[option] {
			continue
		}
		if kind != Merge {
			b.bad(f, "sees "+option+" but is no eip.Merge")
		}
		kind, sees = seen(names), names
	}
	a := &Attribute{Field: field, Kind: kind, Type: t, Live: isLive, Required: has["required"], Unset: has["unset"], Fixed: has["fixed"], Beside: has["beside"], Never: has["never"], Sees: sees, Decides: has["decides"]}
	if a.Never && kind != Duration || a.Beside && kind != String || isLive && a.Sees != nil || a.Decides && a.Sees == nil {
		b.bad(f, "has a tag that does not fit its type")
	}
	if e, ok := reflect.Zero(t).Interface().(enum); ok {
		a.Options = e.Options()
	}
	b.Attributes = append(b.Attributes, a)
}

func nested(b *Block, f reflect.StructField, field Field, has map[string]bool) *Nested {
	n := &Nested{Field: field, Required: has["required"], Open: has["open"]}
	t := f.Type
	switch t.Kind() {
	case reflect.Pointer:
		n.Pointer, t = true, t.Elem()
	case reflect.Slice:
		n.Repeated, t = true, t.Elem()
		if t.Kind() == reflect.Pointer {
			n.Pointer, t = true, t.Elem()
		}
	}
	if t.Kind() != reflect.Struct {
		b.bad(f, "is a block but no struct")
	}
	n.Block = of(t)
	return n
}

func (b *Block) bad(f reflect.StructField, what string) {
	panic(fmt.Sprintf("schema: field %s of %s %s", f.Name, b.Type, what))
}
