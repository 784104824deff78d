package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
)

// loading are the flags of every command that loads flow files.
type loading struct {
	vars     []string
	varFiles []string
	broker   string
	noFiles  bool // there need not be any
}

func (l *loading) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&l.vars, "var", nil, "give a variable its value: `name=value` (repeatable)")
	c.Flags().StringArrayVar(&l.varFiles, "var-file", nil, "take variables from a `file` of lines like name = value (repeatable)")
	c.Flags().StringVar(&l.broker, "broker", "", "the default broker's `URL` (default $EIPD_BROKER, else embedded:)")
}

// load loads flow files and prints what there is to say about them.
func (l *loading) load(files []string) (*flow.Config, error) {
	variables := map[string]string{}
	for _, v := range l.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--var %s: write it as name=value", name)
		}
		variables[name] = value
	}
	config, diags := flow.Load(flow.Options{Files: files, NoFiles: l.noFiles, Variables: variables, VarFiles: l.varFiles, Broker: l.broker})
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

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
