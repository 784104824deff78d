package schema

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"sync"
)

// prose.json holds the comments of component types and their option fields, by
// "package.Type" and "package.Type.Field". `go generate ./...` writes it.
//
//go:embed prose.json
var proseJSON []byte

var prose = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	if err := json.Unmarshal(proseJSON, &m); err != nil {
		panic("schema: prose.json: " + err.Error())
	}
	return m
})

// ProseOf returns a component type's comment.
func ProseOf(t reflect.Type) string { return prose()[t.PkgPath()+"."+t.Name()] }

// Prose returns a field's comment.
func (f Field) Prose() string {
	return prose()[f.Owner.PkgPath()+"."+f.Owner.Name()+"."+f.GoName]
}

// Prose returns an attribute's comment, and whether it can be set.
func (a *Attribute) Prose() string {
	p := a.Field.Prose()
	if a.Live && !a.Kind.Expression() {
		p += " It can be set while the flow runs."
	}
	return p
}
