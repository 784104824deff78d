package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/internal/secret"
)

// environmentBlock gives variables their values where --env names it: each option is
// the name of a variable that a file declares, with its value.
type environmentBlock struct {
	Name string `flow:",label"`
}

// environment is a block of that name, read.
type environment map[string]*syntax.Attribute

// environments reads the environments, and picks one.
func (d *decoder) environments(blocks []*syntax.Block) {
	for _, b := range blocks {
		content, diags := b.Body.Content(noBlock, jsonLabels)
		d.diags = append(d.diags, diags...)
		for _, inner := range content.Blocks {
			d.fail(problem(inner.Range(), "Option expected", "An environment holds options like variable = value, and no blocks."))
		}
		e := environment{}
		for _, a := range content.Attributes {
			switch {
			case e[a.Name] != nil:
				d.fail(problem(a.NameRange, "Option set twice", "%q was set already at %s.", a.Name, where(e[a.Name].NameRange)))
			case d.declared(a):
				e[a.Name] = a
			}
		}
		name := b.Labels[0].Name
		d.config.environments = append(d.config.environments, name)
		d.envs = append(d.envs, e)
		if name == d.config.options.Environment {
			d.env = e
		}
	}
	name := d.config.options.Environment
	if name != "" && d.env == nil && (len(blocks) > 0 || !d.beside) {
		d.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unknown environment",
			Detail: fmt.Sprintf("--env %s: no flow file declares an environment of that name.%s", name, didYouMean(name, d.config.environments, "%s"))})
	}
}

// givenBy returns the environments that give a variable a value.
func (d *decoder) givenBy(variable string) (names []string) {
	for i, e := range d.envs {
		if e[variable] != nil {
			names = append(names, d.config.environments[i])
		}
	}
	return names
}

// Check is Load for who asks whether the files are well. Where they declare
// environments, and the options name none, it loads them with each. Then an environment
// may ask for environment variables that are not set where it is checked: what depends
// on these is not checked, which is a warning. And variables that only environments
// give a value may be without one. The Config is to print diagnostics and to count what
// it has; it may lack what cannot be without an environment.
func Check(o Options) (*Config, hcl.Diagnostics) {
	secrets := &secret.Set{}
	o.checks = true
	c, diags := load(o, nil, secrets)
	if o.Environment != "" || len(c.environments) == 0 {
		return c, diags
	}
	diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return slices.Contains(c.unvalued, d) })
	known := len(diags)
	var in [][]string // of the others, the environments
	o.elsewhere = true
	for _, name := range c.environments {
		o.Environment = name
		_, more := load(o, nil, secrets)
		for _, d := range more {
			switch i := slices.IndexFunc(diags, func(other *hcl.Diagnostic) bool { return same(d, other) }); {
			case i < 0:
				diags, in = append(diags, d), append(in, []string{name})
			case i >= known:
				in[i-known] = append(in[i-known], name)
			}
		}
	}
	for i, names := range in {
		if len(names) < len(c.environments) {
			diags[known+i].Detail = fmt.Sprintf("With --env %s: %s", strings.Join(names, ", "), diags[known+i].Detail)
		}
	}
	return c, sortDiagnostics(few(diags))
}

// validate checks a component's options, and where flow files are only checked the files
// that it reads when it is opened. Those are no matter of files that are loaded to run: they
// change, and may come later.
func (d *decoder) validate(v eip.Validator) error {
	err := v.Validate()
	if f, ok := v.(interface{ CheckFiles() error }); ok && err == nil && d.config.options.checks {
		err = f.CheckFiles()
	}
	return err
}
