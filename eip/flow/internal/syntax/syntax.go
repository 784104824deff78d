// Package syntax reads flow files into one tree, whether they are written in HCL's
// native syntax or its JSON form. It refuses hostile files before a parser sees
// them.
package syntax

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

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

// IsFlowFile reports whether a file of this name is a flow file.
func IsFlowFile(name string) bool {
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
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Block expected", Subject: a.NameRange.Ptr(),
			Detail: fmt.Sprintf("%q is a block. Write it without the equals sign: %s { … }.", a.Name, a.Name)})
		return true
	})
	return c, diags
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
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Object expected", Subject: e.Range().Ptr(),
				Detail: "A block in JSON is an object, or a list of objects that are read in their order."})
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
		case err == nil && labelled(path(outer), k) && isObject(p.Value):
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

func diag(file, summary, format string, args ...any) hcl.Diagnostics {
	start := hcl.InitialPos
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...),
		Subject: &hcl.Range{Filename: file, Start: start, End: start}}}
}

// Find expands what a command line names: files, globs and folders, in which it
// takes every .hcl and .hcl.json. The same file named twice counts once.
func Find(args []string) (files []string, diags hcl.Diagnostics) {
	seen := map[string]bool{}
	add := func(name string) {
		if key := filepath.Clean(name); !seen[key] {
			seen[key] = true
			files = append(files, name)
		}
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			found := 0
			entries, err := os.ReadDir(arg)
			if err != nil {
				diags = append(diags, diag(arg, "Cannot read folder", "%s cannot be read: %s.", arg, pathless(err))...)
				continue
			}
			for _, e := range entries {
				if n := e.Name(); !e.IsDir() && (strings.HasSuffix(n, ".hcl") || strings.HasSuffix(n, ".hcl.json")) {
					found++
					add(filepath.Join(arg, n))
				}
			}
			if found == 0 {
				diags = append(diags, diag(arg, "No flow files", "The folder %s holds no file that ends in .hcl or .hcl.json.", arg)...)
			}
		case err == nil:
			add(arg)
		default:
			matches, globErr := filepath.Glob(arg)
			if globErr != nil || len(matches) == 0 {
				diags = append(diags, diag(arg, "No such file", "%s is neither a file nor a folder, and as a pattern it matches nothing.", arg)...)
			}
			for _, m := range matches {
				switch {
				case !IsFlowFile(m):
				case !below(arg, m):
					diags = append(diags, diag(m, "Cannot read file", "%s is behind a symbolic link that leads out of the folder. Name the file itself.", m)...)
				default:
					add(m)
				}
			}
		}
	}
	return files, diags
}

// below reports whether what a pattern found is below its folder: the one before the
// first wildcard.
func below(pattern, found string) bool {
	folder := pattern
	for strings.ContainsAny(folder, "*?[\\") {
		folder = filepath.Dir(folder)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return false
	}
	defer root.Close()
	name, err := filepath.Rel(folder, filepath.Dir(found))
	if err == nil {
		_, err = root.Stat(name)
	}
	return err == nil
}

// validUTF8 finds the first byte that is none.
func validUTF8(src []byte) (int, bool) {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i, false
		}
		i += n
	}
	return 0, true
}
