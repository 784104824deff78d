package flow

import (
	"errors"
	"maps"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
)

// Build decodes the flows, interceptors and adapters again, and returns a Config of the same
// settings, whose stages, endpoints and adapters nobody else has: who runs flows opens,
// binds and changes them. Settings are not evaluated anew: files and the environment
// say what they said when c was loaded. The clock is that of expressions.
//
// It may be called of one Config by several goroutines at once.
func (c *Config) Build(clock eip.Clock) (*Config, error) {
	built := *c
	built.Flows, built.Adapters = nil, maps.Clone(c.Adapters)
	d := built.decoder()
	d.limits.Clock = clock
	if diags := d.build(c); diags.HasErrors() {
		return nil, errors.New(c.Redact(diags.Error()))
	}
	return &built, nil
}

func (d *decoder) build(of *Config) (diags hcl.Diagnostics) {
	defer func() { diags = append(d.diags, diags...) }()
	defer exceeded(&diags)
	for _, a := range of.Adapters {
		d.adapter(a.block)
	}
	for _, f := range of.Flows {
		d.flow_(f.block)
	}
	for i, f := range d.config.Flows {
		f.single = of.Flows[i].single
	}
	d.intercept(of.interceptors)
	d.datatypes()
	return nil
}
