// Package syntax reads flow files into one tree, whether they are written in HCL's
// native syntax or its JSON form. It refuses hostile files before a parser sees
// them.
package syntax

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/eipd/eipd/internal/regular"
)

// A Body is what stands between braces, or a whole file.
type Body interface {
	// Content sorts what the body holds into attributes and blocks, each in the
	// order of the file. isBlock says which names are blocks; the JSON form cannot
	// tell by itself. labelled says whether a JSON object's only key is a label.
	Content(isBlock func(name string) bool, labels func(block string, key string) bool) (Content, hcl.Diagnostics)
}

// Content is a body's attributes and blocks.
type Content struct {
	Attributes []*Attribute
	Blocks     []*Block
}

// An Attribute is `name = expression`.
type Attribute struct {
	Name      string
	NameRange hcl.Range
	Expr      hcl.Expression
}

// A Label is a block's name.
type Label struct {
	Name  string
	Range hcl.Range
}

// A Block is `type "label" { … }`.
type Block struct {
	Type      string
	TypeRange hcl.Range
	Labels    []Label
	Body      Body
}

// Range is the block's type and labels; in JSON, where one type may stand before
// many blocks, the last label.
func (b *Block) Range() hcl.Range {
	if n := len(b.Labels); n > 0 && isJSON(b.TypeRange.Filename) {
		return b.Labels[n-1].Range
	}
	if n := len(b.Labels); n > 0 && b.Labels[n-1].Range.Filename == b.TypeRange.Filename && b.Labels[n-1].Range.Start.Byte >= b.TypeRange.Start.Byte {
		return hcl.RangeBetween(b.TypeRange, b.Labels[n-1].Range)
	}
	return b.TypeRange
}

// A File is one that was parsed.
type File struct {
	Name  string
	Bytes []byte
	Body  Body
}

// Limits of what is read at all. Larger configurations are better split by hand
// than survived by luck.
const (
	MaxFile      = 1 << 20
	MaxTotal     = 8 << 20
	MaxNesting   = 100
	MaxOperators = 10_000
	MaxTokens    = 400_000
	maxNumber    = 1000 // characters of a number
	maxExponent  = 3    // digits
)

// isFlowFile reports whether a file of this name is a flow file.
func isFlowFile(name string) bool {
	return strings.HasSuffix(name, ".hcl") || isJSON(name)
}

func isJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// Read reads and parses a file.
//
// spend is told what that takes, in steps and bytes.
func Read(name string, spend func(steps, bytes int)) (*File, hcl.Diagnostics) {
	src, err := regular.ReadInside(name, MaxFile)
	if large := (*regular.SizeError)(nil); errors.As(err, &large) {
		return nil, diag(name, "File too large", "%s has more than %d bytes (1 MiB), which a flow file may have. Split it: all files on one command line make one configuration.", name, MaxFile)
	}
	if err != nil {
		return nil, diag(name, "Cannot read file", "%s cannot be read: %s.", name, pathless(err))
	}
	spend(20*len(src), 2*len(src))
	return Parse(name, src, spend)
}

func pathless(err error) string {
	if p, ok := err.(*os.PathError); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// Parse parses a file's bytes; the name picks the form. spend is told what that
// takes, in steps and bytes.
func Parse(name string, src []byte, spend func(steps, bytes int)) (*File, hcl.Diagnostics) {
	if diags := check(name, src, spend); diags.HasErrors() {
		return &File{Name: name, Bytes: src}, diags
	}
	if isJSON(name) {
		return parseJSON(name, src)
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	f := &File{Name: name, Bytes: src}
	if body, ok := file.Body.(*hclsyntax.Body); ok {
		f.Body = native{body}
	}
	if diags.HasErrors() {
		if d := unbalanced(name, src); d != nil {
			return f, hcl.Diagnostics{d} // all else comes of it
		}
		for _, d := range diags {
			plainly(d)
		}
	}
	return f, diags
}

// plainly says what to write where the parser only says what its rule is.
func plainly(d *hcl.Diagnostic) {
	switch d.Summary {
	case "Argument definition required":
		d.Detail = "Between braces on one line there is room for one option, and for no block. Write the block on a line of its own."
	case "Invalid single-argument block definition":
		d.Detail = "Between braces on one line there is room for one option. Write each on a line of its own, and the closing brace too."
	}
}

// native is a body in HCL's own syntax.
type native struct{ *hclsyntax.Body }

func (n native) Content(isBlock func(string) bool, _ func(string, string) bool) (Content, hcl.Diagnostics) {
	var c Content
	var diags hcl.Diagnostics
	for _, a := range n.Attributes {
		c.Attributes = append(c.Attributes, &Attribute{a.Name, a.NameRange, a.Expr})
	}
	slices.SortFunc(c.Attributes, func(a, b *Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	for _, b := range n.Blocks {
		block := &Block{Type: b.Type, TypeRange: b.TypeRange, Body: native{b.Body}}
		for i, l := range b.Labels {
			block.Labels = append(block.Labels, Label{l, b.LabelRanges[i]})
		}
		c.Blocks = append(c.Blocks, block)
	}
	c.Attributes = slices.DeleteFunc(c.Attributes, func(a *Attribute) bool {
		if !isBlock(a.Name) {
			return false
		}
		diags = append(diags, problem(a.NameRange, "Block expected", "%q is a block. Write it without the equals sign: %s { … }.", a.Name, a.Name)...)
		return true
	})
	return c, diags
}

// problem makes an error about a place.
func problem(r hcl.Range, summary, format string, args ...any) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &r}}
}

// diag makes an error about a whole file or folder.
func diag(file, summary, format string, args ...any) hcl.Diagnostics {
	return problem(hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}, summary, format, args...)
}
