package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
)

// loading are the flags of every command that loads flow files.
type loading struct {
	vars     []string
	varFiles []string
	env      string
	broker   string
	store    string
	noFiles  bool // there need not be any
	quiet    bool // warnings are not printed
}

func (l *loading) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&l.vars, "var", nil, "give a variable its value: `name=value` (repeatable)")
	c.Flags().StringArrayVar(&l.varFiles, "var-file", nil, "take variables from a `file` of lines like name = value (repeatable)")
	c.Flags().StringVar(&l.env, "env", "", "take variables from the environment block of this `name`")
	c.Flags().StringVar(&l.broker, "broker", "", "the default broker's `URL` (default $EIPD_BROKER, else embedded:)")
	c.Flags().StringVar(&l.store, "store", "", "the `URL` of the store of stages that name none (default $EIPD_STORE, else embedded:)")
}

// load loads flow files and prints what there is to say about them.
func (l *loading) load(files []string) (*flow.Config, error) { return l.loadBy(flow.Load, files) }

// loadBy is load by a function that loads them.
func (l *loading) loadBy(load func(flow.Options) (*flow.Config, hcl.Diagnostics), files []string) (*flow.Config, error) {
	variables := map[string]string{}
	for _, v := range l.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--var %s: write it as name=value", name)
		}
		variables[name] = value
	}
	config, diags := load(flow.Options{Files: files, NoFiles: l.noFiles, Variables: variables, VarFiles: l.varFiles, Environment: l.env, Broker: l.broker, Store: l.store})
	if l.quiet {
		diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagWarning })
	}
	if err := config.WriteDiagnostics(os.Stderr, diags, colourful(os.Stderr)); err != nil {
		return nil, failure{exitFailed, err}
	}
	if diags.HasErrors() {
		n := 0
		for _, d := range diags {
			if d.Severity == hcl.DiagError {
				n++
			}
		}
		return nil, failure{exitFailed, fmt.Errorf("%s in the flow files", count(n, "error"))}
	}
	return config, nil
}

// picking are the flags that pick flows.
type picking struct{ flows, groups []string }

func (p *picking) flags(c *cobra.Command, verb string) {
	c.Flags().StringSliceVar(&p.flows, "flow", nil, verb+" only the flow of this `name` (repeatable)")
	c.Flags().StringSliceVar(&p.groups, "group", nil, verb+" only the enabled flows of the group of this `name` (repeatable, also beside --flow)")
}

// names returns the names of the flows that were picked; none: all that are enabled.
func (p *picking) names(config *flow.Config) ([]string, error) {
	names, err := config.InGroups(p.groups...)
	return append(names, p.flows...), err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
