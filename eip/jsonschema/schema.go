// Package jsonschema checks messages against JSON Schemas, of the drafts 4, 6, 7, 2019-09
// and 2020-12.
package jsonschema

import (
	"context"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// A Schema is a JSON Schema with a name. It is safe for concurrent use.
type Schema struct {
	name  string
	files *files
	spare chan *checker // that nobody uses at present
}

// An Option is an option of a stage or channel that names a schema. A flow file gives it
// one, and a Go program sets it; nil: none.
type Option struct{ *Schema }

// ReferenceKinds says what the option may name.
func (Option) ReferenceKinds() []string { return []string{"schema"} }

// Bind sets the schema.
func (o *Option) Bind(s *Schema) { o.Schema = s }

// spares are how many checkers are kept for whoever checks next.
const spares = 16

// Load reads the schema in a file, with what that refers to in files beside it or below.
// name is what errors call the schema.
func Load(name, path string) (*Schema, error) {
	f, err := readFiles(path)
	if err != nil {
		return nil, err
	}
	s := &Schema{name: name, files: f, spare: make(chan *checker, spares)}
	c, err := newChecker(f)
	if err != nil {
		return nil, err
	}
	s.give(c)
	return s, nil
}

// Digest changes with the text of the schema and of what it refers to.
func (s *Schema) Digest() string { return s.files.digest() }

// Size is how many bytes its files have.
func (s *Schema) Size() int { return s.files.size }

func (s *Schema) take() (*checker, error) {
	select {
	case c := <-s.spare:
		return c, nil
	default:
		return newChecker(s.files)
	}
}

func (s *Schema) give(c *checker) {
	select {
	case s.spare <- c:
	default:
	}
}

// Check returns nil where m's body is JSON and fits the schema. A body that does not makes
// the message invalid, and the error says where, and what should be there. It says nothing
// of what is there but of what type it is: that may be nobody's business.
func (s *Schema) Check(ctx context.Context, m *eip.Message) error {
	v, err := value(m)
	if err != nil {
		return eip.Invalid(fmt.Errorf("check by schema %s: %w", s.name, err))
	}
	c, err := s.take()
	if err != nil {
		return fmt.Errorf("check by schema %s: %w", s.name, err)
	}
	defer s.give(c)
	switch err := c.check(ctx, v); {
	case err == nil, ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	default:
		return eip.Invalid(fmt.Errorf("the body does not fit schema %s: %w", s.name, err))
	}
}

// value decodes a body that is JSON. What is said to be anything else is not looked at.
func value(m *eip.Message) (any, error) {
	if err := content.MayBeJSON(m.ContentType); err != nil {
		return nil, err
	}
	v, err := m.Value()
	switch v.(type) {
	case string, []byte:
		if err == nil && m.ContentType == "" { // it may be what is left of no JSON
			var body []byte
			if body, err = m.Content(); err == nil {
				err = content.CheckJSON(body)
			}
		}
	}
	return v, err
}

// checker checks one message at a time.
type checker struct {
	quick *quick             // knows most that fit; nil: there is none
	valid *jsonschema.Schema // stops at the first problem
	whole *jsonschema.Schema
	ctx   context.Context
	steps int // that are left
}

func newChecker(f *files) (*checker, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(f)
	c := &checker{}
	var err error
	if c.whole, err = compiler.Compile(f.main); err == nil {
		// Within a `not` nothing is collected, and the first problem decides.
		const not, address = "not", "eipd:valid"
		twice := map[string]any{not: map[string]any{not: map[string]any{"$ref": f.main}}}
		if err = compiler.AddResource(address, twice); err == nil {
			c.valid, err = compiler.Compile(address)
		}
	}
	if err != nil {
		return nil, f.explain(err)
	}
	c.quick = quicken(c.whole)
	c.watch(c.valid, c.whole)
	return c, nil
}

// What checking one body may take. A schema that refers to itself from several alternatives
// doubles what there is to do with each level of the body.
const (
	stepsOnce, stepsEach = 1_000_000, 100 // for a body, and for each value in it
	mostListed           = 4 << 20        // of values, by how deep these are: of a larger body problems are not listed
)

var errSteps = errors.New("it takes too many steps to check it")

// check returns what is wrong with a value.
func (c *checker) check(ctx context.Context, v any) (err error) {
	defer func() {
		c.ctx = nil
		switch p := recover().(type) {
		case nil:
		case over:
			err = p.error
		default:
			panic(p)
		}
	}()
	values, depth, err := measure(v, 0)
	if err != nil {
		return err
	}
	c.ctx, c.steps = ctx, stepsOnce+stepsEach*values
	if c.quick != nil && c.quick.fits(c, v, 0) {
		return nil
	}
	c.steps = stepsOnce + stepsEach*values
	if c.valid.Validate(v) == nil {
		return nil
	}
	if values > mostListed/(20+depth) {
		return fmt.Errorf("it has %d values, which are too many to say in which", values)
	}
	c.steps = stepsOnce + stepsEach*values
	return problems("body", c.whole.Validate(v))
}

// over is the panic that ends a check.
type over struct{ error }

// step counts one schema that a value is held against.
func (c *checker) step() {
	if c.steps--; c.steps < 0 {
		panic(over{errSteps})
	}
	if c.steps%1024 == 0 && c.ctx.Err() != nil {
		panic(over{c.ctx.Err()})
	}
}
