package flow

import (
	"fmt"
	"maps"
	"slices"

	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// groupBlock names flows that run together: --group runs those of it. A flow may be in
// several groups.
type groupBlock struct {
	Name string `flow:",label"`
	// The flows that are in it.
	Flows flowRefs `flow:"flows,required"`
}

// group decodes a group.
func (d *decoder) group(b *syntax.Block) {
	g := &groupBlock{}
	name := b.Labels[0].Name
	d.decode(g, b, place{what: fmt.Sprintf("group %q", name)})
	d.config.groups[name] = g
}

// InGroups returns the enabled flows that are in one of these groups, in the order of
// the files. It is an error that there is no such group, or that none is enabled.
func (c *Config) InGroups(groups ...string) (flows []string, err error) {
	in := map[string]bool{}
	for _, name := range groups {
		g := c.groups[name]
		if g == nil {
			return nil, fmt.Errorf("there is no group %q.%s", name, didYouMean(name, slices.Collect(maps.Keys(c.groups)), "%s"))
		}
		enabled := false
		for _, f := range c.Flows {
			if f.Enabled && slices.ContainsFunc(g.Flows, func(r *located) bool { return r.Name == f.Name }) {
				in[f.Name], enabled = true, true
			}
		}
		if !enabled {
			return nil, fmt.Errorf("no flow of the group %q is enabled", name)
		}
	}
	for _, f := range c.Flows {
		if in[f.Name] {
			flows = append(flows, f.Name)
		}
	}
	return flows, nil
}
