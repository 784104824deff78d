package flow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// ofGiven marks diagnostics of what LoadBeside was given for variables.
type ofGiven struct{}

// IsOfGiven reports whether a problem is one of the values that [Config.LoadBeside] was
// given, and not of the files.
func IsOfGiven(d *hcl.Diagnostic) bool {
	_, is := d.Extra.(ofGiven)
	return is
}

func (d *decoder) failGiven(diag *hcl.Diagnostic) {
	diag.Extra = ofGiven{}
	d.fail(diag)
}

// checkGiven refuses values for what takes none. They come before what is wrong with the
// files, which may be wrong for want of them.
func (d *decoder) checkGiven() {
	for _, name := range slices.Sorted(maps.Keys(d.config.options.given)) {
		b := d.config.variables[name]
		switch {
		case b == nil:
			d.failGiven(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown variable", Detail: fmt.Sprintf("What is applied declares no variable %q.%s", name,
				didYouMean(name, slices.Collect(maps.Keys(d.mayBeGiven)), "%s"))})
		case !d.mayBeGiven[name]:
			d.failGiven(problem(b.Range(), "Not dynamic", "The variable %q may be given a value over the control bus where the flow file says dynamic = true.", name))
		}
	}
}

// fromBus reads a value as the control bus gives it: a text as the command line does, all
// else as JSON.
func (d *decoder) fromBus(r hcl.Range, name string, given any, want cty.Type) (cty.Value, bool) {
	before := len(d.diags)
	v, ok := d.fromJSON(r, name, given, want)
	for _, diag := range d.diags[before:] {
		diag.Extra = ofGiven{}
	}
	return v, ok
}

func (d *decoder) fromJSON(r hcl.Range, name string, given any, want cty.Type) (cty.Value, bool) {
	const from = "the control bus"
	if text, ok := given.(string); ok {
		return d.fromText(r, name, from, text, want)
	}
	d.budget.At(r)
	text, err := json.Marshal(given)
	if err == nil {
		var v cty.Value
		if v, err = d.budget.JSON(string(text)); err == nil {
			d.learnVariable(name, v)
			v, err = d.budget.Convert(v, want)
		}
		if err == nil && !v.IsNull() {
			return v, true
		}
	}
	return cty.NilVal, d.fail(problem(r, "Wrong type", "The variable %q must be %s; what %s gives is not.", name, article(want.FriendlyName()), from))
}
