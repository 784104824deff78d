package flow

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

func isStage(name string) bool {
	_, ok := eip.Stages.New(name)
	return ok
}

// validName says what top-level blocks may be called, which references name.
func validName(name string) bool { return hclsyntax.ValidIdentifier(name) }

// validLabel says what stages and branches may be called: parts of an address.
func validLabel(name string) bool { return name != "" && hclsyntax.ValidIdentifier("x"+name) }

// body decodes the stages of a body in their order, gives each its address, and
// checks that no message can fall off the end.
func (d *decoder) body(pipe *eip.Pipe, s *schema.Body, stages []*syntax.Block, around *syntax.Block, at place) {
	at.open = at.open || s.Open
	first, unnamed := map[string]*syntax.Block{}, map[string]int{}
	var last *stageIn
	for _, b := range stages {
		d.budget.At(b.Range())
		d.budget.Spend(stageSteps, stageBytes)
		if !d.label(b, "stage", false) {
			continue
		}
		name := b.Type
		if len(b.Labels) == 1 {
			name = b.Labels[0].Name
			if earlier := first[name]; earlier != nil {
				d.fail(problem(b.Range(), "Duplicate name", "There is a stage %q in this body already, at %s. Give one of them another name.", name, where(earlier.Range())))
				continue
			}
		} else {
			for first[name] != nil {
				unnamed[b.Type]++
				name = fmt.Sprintf("%s_%d", b.Type, 1+unnamed[b.Type])
			}
		}
		first[name] = b
		if last != nil && last.ends && !last.passes {
			d.diags = append(d.diags, warning(b.Range(), "Unreachable stage", "The %s before it, at %s, lets no message pass.", last.block.Type, where(last.block.Range())))
		}
		last = d.stage(pipe, b, at.address+"."+name, at.open)
	}
	if last != nil && last.ends && !last.passes && pipe.To != nil {
		d.diags = append(d.diags, warning(last.block.Range(), "Unreachable to", "The %s lets no message pass, so none reaches this body's \"to\".", last.block.Type))
	}
	if s.Ends && !at.open && pipe.To == nil && (last == nil || !last.ends) {
		r, why := around.Range(), "has no stage and no \"to\""
		if last != nil {
			r, why = last.block.Range(), fmt.Sprintf("ends with the stage %q, which passes messages on, and has no \"to\"", last.block.Type)
		}
		d.fail(problem(r, "Messages fall off the end", "The %s %s. Say where they go: to = queue.NAME; or, if they are meant to end here, close it with discard {}.", at.what, why))
	}
}

// stageIn is a stage that was decoded.
type stageIn struct {
	block  *syntax.Block
	ends   bool // it may be the last of a body without `to`
	passes bool // it may pass messages on
}

func (d *decoder) stage(pipe *eip.Pipe, b *syntax.Block, address string, open bool) *stageIn {
	stage, _ := eip.Stages.New(b.Type)
	at := place{what: "stage " + b.Type, address: address, open: open}
	if s := schema.Of(stage); s.Label != nil && len(b.Labels) == 1 {
		reflect.ValueOf(stage).Elem().FieldByIndex(s.Label.Index).SetString(b.Labels[0].Name)
	}
	before := len(d.diags)
	sound := d.decode(stage, b, at)
	pipe.Stages = append(pipe.Stages, &eip.Named{Address: address, Stage: stage})
	d.flow.parts[address] = b
	in := &stageIn{block: b, passes: true}
	if e, ok := stage.(eip.Ender); ok {
		// A stage that is wrong may end for all that is known; one error is enough.
		in.ends, in.passes = e.Ends()
		wrong := d.diags[before:].HasErrors()
		_, nests := stage.(eip.Nester)
		in.ends, in.passes = in.ends || !sound || wrong, in.passes && !(nests && wrong)
		in.passes = in.passes || !in.ends || !sound
	}
	return in
}
