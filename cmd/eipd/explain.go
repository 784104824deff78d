package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/internal/nearest"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [BLOCK | PATTERN | functions]",
		Short: "Explain a block of flow files: what it does, and its options",
		Long: "Explains a stage, adapter or top-level block; without a name it lists all.\n" +
			"A pattern is one of Enterprise Integration Patterns, such as \"Smart Proxy\".\n" +
			"functions are those of expressions; with the name of one, that alone.",
		Args: cobra.MaximumNArgs(3),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return slices.Concat(blockNames(), patternNames(), []string{"functions"}), cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			if args[0] == "functions" {
				for _, f := range expression.Catalogue() {
					names = append(names, f.Name()+"\t"+f.Does)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return list(c.OutOrStdout())
			}
			if args[0] == "functions" {
				return functions(c.OutOrStdout(), args[1:])
			}
			return explain(c.OutOrStdout(), args)
		},
	}
}

func blockNames() (names []string) {
	for _, b := range flow.Blocks() {
		names = append(names, b.Name)
	}
	return names
}

// list prints a line for every block.
func list(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	kind := ""
	for _, b := range flow.Blocks() {
		if b.Kind != kind {
			if kind = b.Kind; kind == "block" {
				fmt.Fprintln(w, "top-level blocks")
			} else {
				fmt.Fprintf(w, "\n%ss\n", kind)
			}
		}
		first, _, _ := strings.Cut(schema.ProseOf(b.Schema.Type), "\n\n")
		fmt.Fprintf(w, "  %s\t%s\n", b.Name, oneLine(first))
	}
	return w.Flush()
}

// functions prints a line for every function of expressions, or for one.
func functions(out io.Writer, only []string) error {
	w, found := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0), false
	var names []string
	for _, f := range expression.Catalogue() {
		if len(only) > 0 && f.Name() != only[0] {
			names = append(names, f.Name())
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", f.Call, f.Does)
		found = true
	}
	if !found {
		return failure{exitFailed, fmt.Errorf("there is no function %q%s; eipd explain functions lists all", only[0], nearest.Hint(only[0], names))}
	}
	return w.Flush()
}

// explain prints all blocks of a name: exec is a stage and an adapter.
func explain(out io.Writer, args []string) error {
	name := args[len(args)-1]
	blocks := slices.DeleteFunc(flow.Blocks(), func(b flow.Block) bool {
		return b.Name != name || len(args) == 2 && b.Kind != args[0]
	})
	if len(blocks) == 0 {
		for _, p := range patterns() {
			if strings.EqualFold(p.name, strings.Join(args, " ")) {
				return p.write(out)
			}
		}
		return failure{exitFailed, fmt.Errorf("there is no block or pattern %q%s; eipd explain lists all", strings.Join(args, " "), nearest.Hint(name, append(blockNames(), patternNames()...)))}
	}
	for i, b := range blocks {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s\n\n%s\n\n", b.Title(), strings.TrimSpace(schema.ProseOf(b.Schema.Type)))
		w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
		for _, o := range b.Options() {
			about := o.Takes
			switch {
			case o.Required:
				about += ", required"
			case o.Default != "":
				about += ", default " + o.Default
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", o.Name, about, oneLine(o.Prose))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
