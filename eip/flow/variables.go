package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip/flow/internal/setting"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/flow/schema"
)

// variables gives each declared variable its value. What the control bus gives wins over
// the command line, that over variable files, these over EIPD_VAR_, that over the picked
// environment, and that over the default.
func (d *decoder) variables(blocks, environments []*syntax.Block) {
	for _, b := range blocks {
		d.config.variables[b.Labels[0].Name] = b
	}
	d.environments(environments)
	before := len(d.diags)
	given := d.variableFiles()
	d.filesBroken = d.diags[before:].HasErrors()
	for _, b := range blocks {
		d.variable(b, given)
	}
	d.checkGiven()
	for _, name := range slices.Sorted(maps.Keys(d.config.options.Variables)) {
		if d.config.variables[name] == nil && !d.beside {
			d.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown variable",
				Detail: fmt.Sprintf("--var %s: no flow file declares a variable of that name.%s", name,
					didYouMean(name, slices.Collect(maps.Keys(d.config.variables)), "%s"))})
		}
	}
}

// variableFiles reads the files of --var-file; later ones win.
func (d *decoder) variableFiles() map[string]*syntax.Attribute {
	given := map[string]*syntax.Attribute{}
	for _, name := range d.config.options.VarFiles {
		f, diags := read(name, nil, d.budget)
		d.diags = append(d.diags, diags...)
		if f == nil || f.Body == nil {
			continue
		}
		content, diags := f.Body.Content(noBlock, jsonLabels)
		d.diags = append(d.diags, diags...)
		for _, b := range content.Blocks {
			d.fail(problem(b.Range(), "Option expected", "A variable file holds lines like name = value, and no blocks."))
		}
		for _, a := range content.Attributes {
			if d.declared(a) {
				given[a.Name] = a
			}
		}
	}
	return given
}

// declared reports whether a names a variable.
func (d *decoder) declared(a *syntax.Attribute) bool {
	return d.config.variables[a.Name] != nil || d.fail(problem(a.NameRange, "Unknown variable", "No flow file declares a variable %q.%s", a.Name,
		didYouMean(a.Name, slices.Collect(maps.Keys(d.config.variables)), "%s")))
}

func (d *decoder) variable(b *syntax.Block, given map[string]*syntax.Attribute) {
	content, diags := b.Body.Content(noBlock, jsonLabels)
	d.diags = append(d.diags, diags...)
	for _, inner := range content.Blocks {
		d.fail(problem(inner.TypeRange, "Unknown block", "A variable can hold no block %q.", inner.Type))
	}
	options := map[string]*syntax.Attribute{}
	for _, a := range content.Attributes {
		if s := schema.Of(variableBlock{}); s.Attribute(a.Name) == nil {
			d.unknown(s, a.Name, a.NameRange, place{what: "variable"}, false)
		}
		options[a.Name] = a
	}
	want := cty.DynamicPseudoType
	if a := options["type"]; a != nil {
		t, diags := typeexpr.TypeConstraint(a.Expr)
		if diags.HasErrors() {
			d.fail(problem(*diags[0].Subject, "Unknown type", "A variable's type is string, number, bool, list(…), map(…), or one that is made of these."))
			return
		}
		want = t
	}
	name := b.Labels[0].Name
	dynamic := d.flag(options["dynamic"])
	if d.secret = d.flag(options["sensitive"]); d.secret && dynamic {
		d.fail(problem(options["dynamic"].NameRange, "Wrong option", "A sensitive variable cannot be dynamic: what the control bus gives is kept in the data directory."))
	}
	if dynamic {
		d.mayBeGiven[name] = true
	}
	for _, a := range []*syntax.Attribute{options["default"], given[name]} {
		d.hideSource(a)
	}
	for _, e := range d.envs {
		d.hideSource(e[name])
	}
	fallback, hasDefault := cty.NilVal, false
	if a := options["default"]; a != nil {
		v, ok := d.evaluate(a.Expr)
		d.learnVariable(name, v)
		if !ok {
			return
		}
		v, err := d.budget.Convert(v, want)
		if err != nil {
			d.fail(problem(a.Expr.Range(), "Wrong type", "The default of the variable %q must be %s.", name, article(want.FriendlyName())))
			return
		}
		fallback, hasDefault = v, true
		if want == cty.DynamicPseudoType {
			want = v.Type()
		}
	}
	v, ok := d.givenValue(b, name, want, given[name])
	if ok && v == cty.NilVal {
		switch {
		case hasDefault:
		case d.filesBroken: // it may stand there
			return
		default:
			d.unvalued(b, name)
			return
		}
		v = fallback
	}
	if !ok {
		return
	}
	d.learnVariable(name, v)
	if dynamic {
		v = setting.Dynamic(v, name)
	}
	d.settings.variables[name] = v
}

// unvalued reports a variable that nothing gives a value.
func (d *decoder) unvalued(b *syntax.Block, name string) {
	by := d.givenBy(name)
	if len(by) == 0 {
		d.fail(problem(b.Range(), "Variable without a value", "The variable %q has no default, so it must be given: --var %s=…, EIPD_VAR_%s, or in a --var-file.", name, name, name))
		return
	}
	d.fail(problem(b.Range(), "Variable without a value", "The variable %q has no default, so it must be given: --env %s, --var %s=…, EIPD_VAR_%s, or in a --var-file.", name, strings.Join(by, " or "), name, name))
	d.config.unvalued = append(d.config.unvalued, d.diags[len(d.diags)-1])
}

// flag reads an option of a variable that is true or false. One that cannot be read may
// be true.
func (d *decoder) flag(a *syntax.Attribute) bool {
	if a == nil {
		return false
	}
	v, ok := d.value(a.Expr)
	if !ok || v.IsNull() || v.Type() != cty.Bool {
		d.fail(problem(a.Expr.Range(), "Wrong type", "%q is true or false.", a.Name))
		return true
	}
	return v.True()
}

// learnVariable keeps what a variable may be given, if it is secret.
func (d *decoder) learnVariable(name string, v cty.Value) {
	if d.secret {
		d.config.remember(v)
		return
	}
	d.config.learn(name, v)
}

// hideSource hides the text of a sensitive variable's value, which may not be one.
func (d *decoder) hideSource(a *syntax.Attribute) {
	if !d.secret || a == nil {
		return
	}
	if f := d.config.files[a.Expr.Range().Filename]; f != nil {
		d.config.secrets.Add(string(a.Expr.Range().SliceBytes(f.Bytes)))
	}
}

// givenValue looks for the value that a variable was given; cty.NilVal for none.
func (d *decoder) givenValue(b *syntax.Block, name string, want cty.Type, inFile *syntax.Attribute) (cty.Value, bool) {
	if v, ok := d.config.options.given[name]; ok {
		return d.fromBus(b.Range(), name, v, want)
	}
	if text, ok := d.config.options.Variables[name]; ok {
		return d.fromText(b.Range(), name, "--var "+name, text, want)
	}
	if inFile != nil {
		return d.fromSetting(name, inFile, want)
	}
	if text := d.config.lookupEnv("EIPD_VAR_" + name); text != nil {
		v, ok := d.fromText(b.Range(), name, "EIPD_VAR_"+name, *text, want)
		if !ok {
			return v, false
		}
		return setting.Private(v), true
	}
	if a := d.env[name]; a != nil {
		before, lacking := len(d.diags), len(d.lacking)
		v, ok := d.fromSetting(name, a, want)
		if lacks := d.lacking[lacking:]; !ok && len(lacks) > 0 && d.config.options.elsewhere {
			d.diags = d.diags[:before]
			d.fail(problem(a.Expr.Range(), "Not set here", "The environment variable %s is not set here, so what depends on var.%s was not checked.", strings.Join(lacks, ", "), name))
			d.unset = append(d.unset, d.diags[before])
		}
		return v, ok
	}
	return cty.NilVal, true
}

// fromSetting evaluates the value that a file gives a variable.
func (d *decoder) fromSetting(name string, a *syntax.Attribute, want cty.Type) (cty.Value, bool) {
	v, ok := d.evaluate(a.Expr)
	d.learnVariable(name, v)
	if !ok {
		return cty.NilVal, false
	}
	if v, err := d.budget.Convert(v, want); err == nil {
		return v, true
	}
	return cty.NilVal, d.fail(problem(a.Expr.Range(), "Wrong type", "The variable %q must be %s.", name, article(want.FriendlyName())))
}

// fromText reads a value as the command line gives it: a string as it is, lists
// and maps in HCL's notation.
func (d *decoder) fromText(r hcl.Range, name, from, text string, want cty.Type) (cty.Value, bool) {
	wrong := func() (cty.Value, bool) {
		return cty.NilVal, d.fail(problem(r, "Wrong type", "The variable %q must be %s; what %s gives is not.", name, article(want.FriendlyName()), from))
	}
	v := cty.StringVal(text)
	d.learnVariable(name, v)
	if !want.IsPrimitiveType() && want != cty.DynamicPseudoType {
		if _, diags := syntax.Parse("value.hcl", []byte("v = "+text+"\n"), d.budget.Spend); diags.HasErrors() {
			return cty.NilVal, d.fail(problem(r, "Wrong value", "What %s gives for the variable %q cannot be read: %s.", from, name, diags[0].Summary))
		}
		expr, diags := hclsyntax.ParseExpression([]byte(text), "value", hcl.InitialPos)
		if diags.HasErrors() {
			return wrong()
		}
		if v, diags = d.budget.Evaluate(expr, nil); diags.HasErrors() {
			return wrong()
		}
	}
	c, err := d.budget.Convert(v, want)
	if err != nil {
		return wrong()
	}
	return c, true
}
