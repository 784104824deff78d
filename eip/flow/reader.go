package flow

import (
	"io"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/internal/secret"
	"github.com/eipd/eipd/internal/visible"
)

// A Reader reads files that are in the language of flow files and declare no flows, as
// those of tests: blocks become structs as [schema] says, within the bounds of a load, and
// what is wrong is told in the same words. Settings see the names that they are given, and
// nothing of the environment. It is for one goroutine.
type Reader struct{ d *decoder }

// NewReader returns a Reader. Expressions that it compiles go by clock.
func NewReader(clock eip.Clock) *Reader {
	c := &Config{secrets: &secret.Set{}, files: map[string]*syntax.File{}, variables: map[string]*syntax.Block{}, settings: newSettings()}
	c.options.LookupEnv = func(string) (string, bool) { return "", false }
	d := c.decoder()
	d.limits.Clock = clock
	d.sees = map[string]cty.Value{}
	return &Reader{d}
}

// Read reads a file; nil where it cannot be read.
func (r *Reader) Read(name string) *syntax.File {
	f, diags := read(name, nil, r.d.budget)
	r.d.diags = append(r.d.diags, diags...)
	return r.Add(f)
}

// Add has a file that was read before be quoted where something in it is wrong.
func (r *Reader) Add(f *syntax.File) *syntax.File {
	if f == nil || f.Body == nil {
		return nil
	}
	r.d.config.files[f.Name] = f
	return f
}

// Content sorts a body into attributes, and blocks of the kinds that are named: how many
// labels each has.
func (r *Reader) Content(b syntax.Body, kinds map[string]int) syntax.Content {
	isBlock := func(name string) bool { _, is := kinds[name]; return is }
	labels := func(block, key string) bool { return kinds[block] > 0 }
	c, diags := b.Content(isBlock, labels)
	r.d.diags = append(r.d.diags, diags...)
	return c
}

// Decode fills the struct that into points to from a block, whose options see names. It
// reports whether nothing was wrong. what is how people call the block.
func (r *Reader) Decode(into any, b *syntax.Block, what string, names map[string]cty.Value) (sound bool) {
	before := len(r.d.diags)
	r.guard(func() {
		r.see(names)
		r.d.decode(into, b, place{what: what})
	})
	return !r.d.diags[before:].HasErrors()
}

// Setting evaluates an option by itself.
func (r *Reader) Setting(a *syntax.Attribute, names map[string]cty.Value) (v cty.Value, ok bool) {
	r.guard(func() {
		r.see(names)
		v, ok = r.d.value(a.Expr)
	})
	return v, ok
}

func (r *Reader) see(names map[string]cty.Value) {
	r.d.sees, r.d.names = maps.Clone(names), nil
	if r.d.sees == nil {
		r.d.sees = map[string]cty.Value{}
	}
}

// guard ends what is beyond the bounds of a load.
func (r *Reader) guard(do func()) {
	var over hcl.Diagnostics
	defer func() { r.d.diags = append(r.d.diags, over...) }()
	defer exceeded(&over)
	do()
}

// Fail says what is wrong at a place, and returns false.
func (r *Reader) Fail(at hcl.Range, summary, format string, args ...any) bool {
	r.guard(func() { r.d.fail(problem(at, summary, format, args...)) })
	return false
}

// Problems returns what is wrong, in the order of files and lines.
func (r *Reader) Problems() hcl.Diagnostics {
	diags := few(slices.Clone(r.d.diags))
	for _, diag := range diags {
		diag.Detail = visible.Short(r.d.unshown.Hide(r.d.config.Redact(diag.Detail)), maxDetail)
	}
	return sortDiagnostics(diags)
}

// WriteProblems prints them for people.
func (r *Reader) WriteProblems(w io.Writer, color bool) error {
	return r.d.config.WriteDiagnostics(w, r.Problems(), color)
}

// DidYouMean returns " Did you mean …?" for the name that is near to given, else what there
// is, if that is little.
func DidYouMean(given string, names []string) string { return didYouMean(given, names, "%s") }
