package flowtest

import (
	"maps"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// A File is a file of tests.
type File struct {
	Name   string
	Tests  []*Test
	Only   bool // one of them is marked so
	syntax *syntax.File
	suite  *suiteBlock
	tests  map[string]hcl.Range
}

// A Test is one test, or one row of it.
type Test struct {
	File *File
	Name string
	Line int

	block *syntax.Block
	says  *testBlock
	row   map[string]cty.Value // what settings see
	check *places              // of flows that were loaded to check what it names
}

// Tags are the words by which the test may be chosen, and Skip is why it is not run; "": it
// is. Only says that others are not.
func (t *Test) Tags() []string { return t.says.Tags }

// Skip is described at Tags.
func (t *Test) Skip() string { return t.says.Skip }

// What stands in files and tests, and how many labels each has.
var (
	inFile = map[string]int{"suite": 0, "test": 1}
	inTest = map[string]int{"send": 1, "call": 1, "advance": 1, "settle": 0, "command": 1, "fault": 1, "heal": 1, "end": 1, "restart": 0, "expect": 1, "stub": 1, "service": 1}
)

func (f *File) read(r *flow.Reader) {
	c := r.Content(f.syntax.Body, inFile)
	for _, a := range c.Attributes {
		r.Fail(a.NameRange, "Unknown option", "%q stands outside of any block. A file of tests holds the blocks suite and test.", a.Name)
	}
	f.suite = newSuite()
	var suite *syntax.Block
	for _, b := range c.Blocks {
		switch {
		case !known(r, b, "A file of tests", inFile):
		case b.Type == "suite" && suite != nil:
			r.Fail(b.Range(), "Duplicate block", "There is a suite already, at line %d.", suite.Range().Start.Line)
		case b.Type == "suite":
			suite = b
			if !r.Decode(f.suite, b, "suite", nil) {
				return // its tests would be read otherwise than they are meant
			}
		}
	}
	for _, b := range c.Blocks {
		if b.Type == "test" && len(b.Labels) == 1 {
			f.test(r, b)
		}
	}
}

// known reports whether a block may stand where it does, with its labels.
func known(r *flow.Reader, b *syntax.Block, where string, kinds map[string]int) bool {
	labels, ok := kinds[b.Type]
	switch {
	case !ok:
		r.Fail(b.TypeRange, "Unknown block", "%s can hold no block %q.%s", where, b.Type, flow.DidYouMean(b.Type, sorted(kinds)))
	case len(b.Labels) < labels:
		r.Fail(b.TypeRange, "Missing label", "The block %s needs a label: %s \"…\" { … }.", b.Type, b.Type)
	case len(b.Labels) > labels:
		r.Fail(b.Labels[labels].Range, "Too many labels", "A block %q takes %d of them.", b.Type, labels)
	default:
		return true
	}
	return false
}

// options is a block without the steps in it.
type options struct{ syntax.Body }

func (o options) Content(isBlock func(string) bool, labels func(string, string) bool) (syntax.Content, hcl.Diagnostics) {
	c, diags := o.Body.Content(func(name string) bool { _, is := inTest[name]; return is || isBlock(name) },
		func(block, key string) bool { return inTest[block] > 0 })
	c.Blocks = nil
	return c, diags
}

// test adds a test of the file, or its rows.
func (f *File) test(r *flow.Reader, b *syntax.Block) {
	name := b.Labels[0].Name
	if earlier, taken := f.tests[name]; taken {
		r.Fail(b.Labels[0].Range, "Duplicate name", "There is a test %q already, at line %d.", name, earlier.Start.Line)
		return
	}
	f.tests[name] = b.Labels[0].Range
	for _, row := range f.rows(r, b) {
		t := &Test{File: f, Name: name + row.name, Line: b.Range().Start.Line, block: b, row: row.sees}
		if t.says = t.decode(r); t.says != nil {
			f.Tests = append(f.Tests, t)
			f.Only = f.Only || t.says.Only
		}
	}
}

// decode reads the options of a test; nil where something is wrong.
func (t *Test) decode(r *flow.Reader) *testBlock {
	says := &testBlock{common: t.File.suite.common}
	says.Variables, says.Env = nil, nil
	if !r.Decode(says, &syntax.Block{Type: t.block.Type, TypeRange: t.block.TypeRange, Labels: t.block.Labels, Body: options{t.block.Body}}, "test", t.row) {
		return nil
	}
	says.Variables, says.Env = over(t.File.suite.Variables, says.Variables), over(t.File.suite.Env, says.Env)
	return says
}

func over[V any](under, with map[string]V) map[string]V {
	all := map[string]V{}
	maps.Copy(all, under)
	maps.Copy(all, with)
	return all
}

const mostRows = 1000

// row is what a test sees when it runs once for each of several.
type row struct {
	name string
	sees map[string]cty.Value
}

func (f *File) rows(r *flow.Reader, b *syntax.Block) []row {
	c := r.Content(b.Body, inTest)
	for _, a := range c.Attributes {
		if a.Name != "each" {
			continue
		}
		v, ok := r.Setting(a, nil)
		if !ok {
			return nil
		}
		if v.IsNull() || !v.CanIterateElements() || v.LengthInt() == 0 || v.LengthInt() > mostRows {
			r.Fail(a.Expr.Range(), "Wrong type", "%q is a list or map of at least one object, and %d at most.", "each", mostRows)
			return nil
		}
		var rows []row
		for it := v.ElementIterator(); it.Next(); {
			key, value := it.Element()
			name, err := convert.Convert(key, cty.String)
			if err != nil {
				continue
			}
			rows = append(rows, row{"/" + name.AsString(), map[string]cty.Value{"row": value}})
		}
		return rows
	}
	return []row{{}}
}

// options are how the flows of a test are loaded.
func (t *Test) options() flow.Options {
	o := flow.Options{Variables: map[string]string{}, Store: "memory:"}
	if t.says.Broker == onDisk {
		o.Store = "embedded:"
	}
	o.LookupEnv = func(name string) (string, bool) { v, ok := t.says.Env[name]; return v, ok }
	for name, v := range t.says.Variables {
		text, ok := v.(string)
		if !ok {
			b, _, err := content.Encode(v)
			if err != nil {
				b = nil
			}
			text = string(b)
		}
		o.Variables[name] = text
	}
	folder := filepath.Dir(t.File.Name)
	o.Files = []string{folder}
	if files := t.File.suite.Flows; files != nil {
		o.Files = nil
		for _, name := range files {
			if !filepath.IsAbs(name) {
				name = filepath.Join(folder, name)
			}
			o.Files = append(o.Files, name)
		}
	}
	return o
}

// placeOf is where a test sets an option, and its beginning where it does not.
func (t *Test) placeOf(r *flow.Reader, option string) hcl.Range {
	for _, a := range r.Content(t.block.Body, inTest).Attributes {
		if a.Name == option {
			return a.Expr.Range()
		}
	}
	return t.block.Range()
}

// checkAll reads all steps of a test, to see what is wrong with them.
func (t *Test) checkAll(r *flow.Reader, c *configs) {
	config := c.load(t, r)
	if config == nil {
		return
	}
	p, err := placesOf(config, t.says.Flows)
	if err != nil {
		r.Fail(t.placeOf(r, "flows"), "Unknown flow", "%s", strings.ToUpper(err.Error()[:1])+err.Error()[1:])
		return
	}
	t.check = p
	t.read(r, p)
}
