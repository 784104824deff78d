package gendocs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/schema"
)

const module = "github.com/eipd/eipd"

// Prose returns the file of the comments of all components, by its path from the module's
// folder, root.
func Prose(root string, _ *cobra.Command) (map[string][]byte, error) {
	var blocks []*schema.Block
	for _, b := range flow.Blocks() {
		blocks = append(blocks, b.Schema)
	}
	comments, err := prose(root, blocks)
	return map[string][]byte{"eip/flow/schema/prose.json": comments}, err
}

// prose returns the comments of the blocks' types and of their option fields as
// JSON, by "package.Type" and "package.Type.Field".
func prose(root string, blocks []*schema.Block) ([]byte, error) {
	types := map[reflect.Type]bool{}
	for _, b := range blocks {
		collect(types, b)
	}
	packages := map[string]comments{}
	texts := map[string]string{}
	for t := range types {
		c, ok := packages[t.PkgPath()]
		if !ok {
			dir, inside := strings.CutPrefix(t.PkgPath(), module+"/")
			if !inside {
				return nil, fmt.Errorf("read comments of %s: it is not in %s", t, module)
			}
			var err error
			if c, err = parse(filepath.Join(root, filepath.FromSlash(dir))); err != nil {
				return nil, err
			}
			packages[t.PkgPath()] = c
		}
		c.of(texts, t)
	}
	text, err := json.MarshalIndent(texts, "", "\t")
	return append(text, '\n'), err
}

// collect adds the types that a block's options are fields of.
func collect(types map[reflect.Type]bool, b *schema.Block) {
	if b.Type.Name() != "" {
		types[b.Type] = true
	}
	for _, a := range b.Attributes {
		types[a.Owner] = true
	}
	for _, n := range b.Blocks {
		types[n.Owner] = true
		if !types[n.Block.Type] {
			collect(types, n.Block)
		}
	}
}

// comments are a package's, by "Type" and "Type.Field".
type comments map[string]string

func parse(dir string) (comments, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	c := comments{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read comments: %w", err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				c.add(g)
			}
		}
	}
	return c, nil
}

func (c comments) add(g *ast.GenDecl) {
	for _, s := range g.Specs {
		t := s.(*ast.TypeSpec)
		doc := t.Doc
		if doc == nil && len(g.Specs) == 1 {
			doc = g.Doc
		}
		c[t.Name.Name] = plain(t.Name.Name, doc)
		if fields, ok := t.Type.(*ast.StructType); ok {
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					c[t.Name.Name+"."+name.Name] = plain(name.Name, f.Doc)
				}
			}
		}
	}
}

// of enters the comments of t and of those of its fields that are options.
func (c comments) of(prose map[string]string, t reflect.Type) {
	enter := func(name string) {
		if text := c[name]; text != "" {
			prose[t.PkgPath()+"."+name] = text
		}
	}
	enter(t.Name())
	for f := range t.Fields() {
		if tag, ok := f.Tag.Lookup("flow"); ok && !strings.HasPrefix(tag, ",") {
			enter(t.Name() + "." + f.Name)
		}
	}
}

// plain is a comment's text, a paragraph a line. Readers of documentation do not
// know the Go name that it begins with: "Delay is the time" becomes "The time".
func plain(name string, doc *ast.CommentGroup) string {
	var paragraphs []string
	for p := range strings.SplitSeq(doc.Text(), "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			paragraphs = append(paragraphs, p)
		}
	}
	text := strings.Join(paragraphs, "\n\n")
	for _, article := range []string{"", "A ", "An "} {
		rest, ok := strings.CutPrefix(text, article+name+" ")
		if !ok || strings.HasPrefix(rest, "of ") {
			continue
		}
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "is "), "are ")
		first, size := utf8.DecodeRuneInString(rest)
		return string(unicode.ToUpper(first)) + rest[size:]
	}
	return text
}
