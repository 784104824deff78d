package flow

import (
	"fmt"
	"hash"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/internal/secret"
)

// decoder fills structs from blocks, as their schema says, and collects what is
// wrong. It goes on after an error, to report all of them at once.
type decoder struct {
	config   *Config
	settings *settings
	names    *hcl.EvalContext     // that settings see; nil: not yet made
	sees     map[string]cty.Value // that they see in place of all else; nil: nothing is
	file     string               // whose setting is evaluated
	budget   *setting.Budget
	flow     *Flow    // the flow that is decoded; nil outside of one
	direct   bool     // what its stages send passes no interceptors
	path     []string // the locals under way
	// filesBroken: a variable file could not be read, so what it gives is not known.
	filesBroken bool
	beside      bool                  // the file is applied beside others, with their options
	envs        []environment         // of all environments
	env         environment           // that was picked
	lacking     []string              // environment variables that are not set
	unset       []*hcl.Diagnostic     // what is said of these, where they may be set elsewhere
	alone       bool                  // settings may name nothing: variables are given their values
	secret      bool                  // the variable that is decoded is sensitive
	mayBeGiven  map[string]bool       // variables that are dynamic
	hide        bool                  // the setting that was evaluated last is not shown
	dynamic     []string              // variables that the option that is decoded depends on
	hidden      int                   // how many were not
	unsaid      map[hcl.Range]bool    // blocks with such settings
	decoded     map[any]*syntax.Block // by what they were decoded into
	limits      *expression.Limits    // of the expressions that are compiled
	said        hash.Hash             // of what the flow or adapter that is decoded says; nil: nobody asks
	unshown     secret.Set            // what came from the environment and files
	unshownSize int
	diags       hcl.Diagnostics
}

// fail reports a problem; it returns false.
func (d *decoder) fail(diag *hcl.Diagnostic) bool {
	if len(d.diags) > maxProblems {
		panic(manyProblems{})
	}
	d.diags = append(d.diags, diag)
	return false
}

// manyProblems is what a load gives up with that has more than are shown.
type manyProblems struct{}

// place is where a block stands, for messages and addresses.
type place struct {
	what    string // "stage filter", "queue"
	address string // of the stages in it
	dynamic bool   // its expressions may be replaced
	open    bool   // what falls off the end of its bodies goes on
}

// decode fills the struct that into points to from a block's body. It reports
// whether all options could be read; what Validate then finds is another matter.
func (d *decoder) decode(into any, b *syntax.Block, at place) (sound bool) {
	hidden := d.hidden
	d.decoded[into] = b
	sound = d.struct_(reflect.ValueOf(into).Elem(), schema.Of(into), b, at)
	if d.hidden > hidden {
		d.unsaid[b.Range()] = true
	}
	v, ok := into.(eip.Validator)
	if !ok || !sound {
		return sound // what Validate would find may come of what was said already
	}
	if err := d.validate(v); err != nil {
		d.blame(b, at, err)
	}
	return true
}

// content sorts a block's body by its schema.
func (d *decoder) content(s *schema.Block, b *syntax.Block) syntax.Content {
	isBlock := func(name string) bool {
		return s.Nested(name) != nil && s.Attribute(name) == nil || s.Body != nil && isStage(name)
	}
	labels := func(block, key string) bool {
		kind, at, _ := strings.Cut(block, "/")
		if n := s.Nested(kind); n != nil {
			return at == "" && (key == "" || n.Block.Label != nil)
		}
		return jsonLabels(block, key)
	}
	c, diags := b.Body.Content(isBlock, labels)
	d.diags = append(d.diags, diags...)
	return c
}

// struct_ fills in a struct, and reports whether all options in it could be read.
func (d *decoder) struct_(v reflect.Value, s *schema.Block, b *syntax.Block, at place) (sound bool) {
	sound = true
	d.tell("{", b.Type, names(b))
	defer d.tell("}")
	c := d.content(s, b)
	set := map[string]*syntax.Attribute{}
	var pipe *eip.Pipe
	if s.Body != nil {
		pipe = v.FieldByIndex(s.Body.Index).Addr().Interface().(*eip.Pipe)
	}
	for _, a := range c.Attributes {
		if twice := set[a.Name]; twice != nil {
			d.fail(problem(a.NameRange, "Option set twice", "%q was set already at %s.", a.Name, where(twice.NameRange)))
			continue
		}
		set[a.Name] = a
		d.tell(a.Name)
		switch attribute := s.Attribute(a.Name); {
		case attribute != nil:
			sound = d.attribute(v, attribute, a) && sound
		case a.Name == "to" && pipe != nil && !s.Body.Through:
			if pipe.To = d.handler(a.Expr, "to"); pipe.To == nil {
				sound, pipe.To = false, eip.Discard
			}
		default:
			sound = d.unknown(s, a.Name, a.NameRange, at, false)
		}
	}
	var stages, inner []*syntax.Block
	for _, block := range c.Blocks {
		switch {
		case s.Nested(block.Type) != nil:
			inner = append(inner, block)
		case pipe != nil && isStage(block.Type):
			stages = append(stages, block)
		default:
			sound = d.unknown(s, block.Type, block.TypeRange, at, true)
			if block.Type == "to" && pipe != nil {
				pipe.To = eip.Discard // it was meant to be there
			}
		}
	}
	if a := s.Attribute("dynamic"); a != nil && a.Kind == schema.Bool {
		at.dynamic = at.dynamic || a.Value(v).Bool()
	}
	sound = d.nestedBlocks(v, s, inner, at) && sound
	if sound && at.dynamic {
		d.replaceable(v, s, set)
	}
	if pipe != nil {
		d.body(pipe, s.Body, stages, b, at)
	}
	return d.missing(s, b, set, inner, at) && sound
}

// replaceable has the control bus replace a block's expressions. The text of the file
// brings back its own, as not all of it may be shown.
func (d *decoder) replaceable(v reflect.Value, s *schema.Block, set map[string]*syntax.Attribute) {
	of, clock := d.flow, d.limits.Clock // a flow that does not yet have all its options
	for _, a := range s.Attributes {
		if !a.Live || !a.Kind.Expression() {
			continue
		}
		file, source := a.Value(v).Interface(), d.source(set[a.Name])
		a.Option(v).SetValue(file, source)
		*a.Option(v).Compiler() = func(text string) (any, error) {
			if text == source {
				return file, nil
			}
			return program(a.Kind, text, &expression.Limits{Work: of.ExpressionBudget, Clock: clock})
		}
	}
}

// nestedBlocks decodes the named blocks in a block.
func (d *decoder) nestedBlocks(v reflect.Value, s *schema.Block, blocks []*syntax.Block, at place) (sound bool) {
	sound = true
	first := map[string]*syntax.Block{}
	for _, b := range blocks {
		n := s.Nested(b.Type)
		if n.Block.Label != nil {
			if !d.label(b, b.Type, true) {
				sound = false
				continue
			}
		} else if len(b.Labels) > 0 {
			d.fail(problem(b.Labels[0].Range, "Label not expected", "A block %q takes no label.", b.Type))
			continue
		}
		key := b.Type
		if n.Repeated && n.Block.Label != nil {
			key += " " + b.Labels[0].Name
		}
		if earlier := first[key]; earlier != nil && (!n.Repeated || n.Block.Label != nil && !n.Block.Again) {
			d.fail(problem(b.Range(), "Duplicate block", "There is a block %q already, at %s.", key, where(earlier.Range())))
			continue
		}
		first[key] = b
		name := b.Type
		if n.Block.Label != nil {
			name = b.Labels[0].Name
		}
		inside := place{what: fmt.Sprintf("block %s", b.Type), address: at.address + "." + name, dynamic: at.dynamic, open: at.open || n.Open}
		if d.flow != nil && strings.Contains(at.address, ".") {
			d.flow.parts[inside.address] = b
		}
		field := v.FieldByIndex(n.Index)
		if field.Type() == reflect.TypeFor[eip.Pipe]() {
			sound = d.struct_(field, n.Block, b, inside) && sound
			continue
		}
		sound = d.nested(field, n, b, inside) && sound
	}
	return sound
}

func (d *decoder) nested(field reflect.Value, n *schema.Nested, b *syntax.Block, inside place) bool {
	var into reflect.Value // a pointer to the struct
	switch {
	case !n.Repeated && !n.Pointer:
		into = field.Addr()
	case !n.Repeated:
		field.Set(reflect.New(field.Type().Elem()))
		into = field
	case n.Pointer:
		into = reflect.New(field.Type().Elem().Elem())
		field.Set(reflect.Append(field, into))
	default:
		// The slice is not grown while an element is decoded: a nested body's
		// stages are appended to the element in place.
		field.Set(reflect.Append(field, reflect.Zero(field.Type().Elem())))
		into = field.Index(field.Len() - 1).Addr()
	}
	if n.Block.Label != nil {
		into.Elem().FieldByIndex(n.Block.Label.Index).SetString(b.Labels[0].Name)
	}
	return d.decode(into.Interface(), b, inside)
}
