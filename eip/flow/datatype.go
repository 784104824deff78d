package flow

import (
	"context"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/jsonschema"
)

// schemaBlock names a JSON Schema (Canonical Data Model).
type schemaBlock struct {
	Name string `flow:",label"`
	// The file of the schema, beside the file that names it. What it refers to by $ref is
	// read from files beside it or below, and never from the network.
	File string `flow:"file,required,fixed,beside"`
	// Which version of the schema it is. Errors say it.
	Version string `flow:"version"`
}

// What a load takes for a byte of a schema, in steps and bytes, as measured.
const schemaSteps, schemaBytes = 500, 100

// schema reads a schema block.
func (d *decoder) schema(b *syntax.Block) {
	s := &schemaBlock{}
	before := len(d.diags)
	name := b.Labels[0].Name
	at := place{what: fmt.Sprintf("schema %q", name)}
	if !d.decode(s, b, at) || d.diags[before:].HasErrors() {
		return
	}
	called := name
	if s.Version != "" {
		called += " " + s.Version
	}
	loaded, err := jsonschema.Load(called, s.File)
	if err != nil {
		d.blame(b, at, &eip.OptionError{Option: "file", Err: err})
		return
	}
	d.budget.At(b.Range())
	d.budget.Spend(schemaSteps*loaded.Size(), schemaBytes*loaded.Size())
	d.config.schemas[name] = loaded
}

// bind gives an option its schema, and reports whether there is one.
func (d *decoder) bind(o interface{ Bind(*jsonschema.Schema) }, name string) bool {
	s := d.config.schemas[name]
	if s == nil {
		return false // why was said at its block
	}
	o.Bind(s)
	d.tell(s.Digest())
	return true
}

// datatypes has flows check what they take from channels that have a schema.
func (d *decoder) datatypes() {
	for _, f := range d.config.Flows {
		t := &typed{map[string]datatype{}}
		for _, r := range f.From {
			ch := d.config.Channels[r.String()]
			if ch == nil || ch.Schema.Schema == nil {
				continue
			}
			t.by[ch.Address] = datatype{ch.Ref, ch.Schema.Schema}
		}
		if len(t.by) == 0 {
			continue
		}
		address := f.Name + ".schema"
		if f.parts[address] != nil {
			d.fail(problem(f.Range, "Duplicate name", "The flow %q reads a channel that has a schema, which is checked at %s. Give the stage of that name another one.", f.Name, address))
			continue
		}
		f.parts[address] = &syntax.Block{Type: "schema", TypeRange: f.Range}
		f.Body.Stages = append([]eip.Stage{&eip.Named{Address: address, Stage: t}}, f.Body.Stages...)
	}
}

// typed is the stage that checks what comes from Datatype Channels.
type typed struct{ by map[string]datatype } // by the channel's address

type datatype struct {
	Ref
	*jsonschema.Schema
}

// Pattern names what the stage is.
func (*typed) Pattern() string { return "Datatype Channel" }

func (t *typed) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if of, ok := t.by[m.Channel]; ok {
		if err := of.Check(ctx, m); err != nil {
			return fmt.Errorf("receive from %s: %w", of.Ref, err)
		}
	}
	return next.Handle(ctx, m)
}

// checkDatatypes refuses what makes no sense of schemas of channels.
func (d *decoder) checkDatatypes() {
	for _, f := range d.config.Flows {
		for _, e := range f.Endpoints {
			if f.IsLastResort(e.Ref) && e.schema != nil {
				d.fail(problem(d.config.Channels[e.String()].Range, "Wrong channel", "%s takes what fails in the flow %q, which may well not fit its schema. Leave the schema out, or name another channel there.", e.Ref, f.Name))
			}
		}
		read := map[string]*Channel{}
		for _, r := range f.From {
			ch := d.config.Channels[r.String()]
			if ch == nil {
				continue
			}
			if other := read[ch.Address]; other != nil && other != ch && other.Schema != ch.Schema {
				d.fail(problem(r.Range, "Same address", "%s and %s have the same address and not the same schema, so the flow %q cannot tell which one a message must fit. Read them by a flow each.", other, ch, f.Name))
			}
			read[ch.Address] = ch
		}
	}
}
