package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/internal/regular"
	"github.com/eipd/eipd/internal/visible"
)

func newFmt() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "fmt FILES…",
		Short: "Format flow files",
		Long: `Formats flow files in place, and prints the names of those that it changed. A
FILE of - is standard input, formatted to standard output. With --check it changes
nothing, and ends with 1 where something is to be done. JSON files are left alone.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return format(args, check, c.OutOrStdout()) },
	}
	c.Flags().BoolVar(&check, "check", false, "only say which files are not formatted")
	return c
}

func format(args []string, check bool, out io.Writer) error {
	if len(args) == 1 && args[0] == "-" {
		src, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<20+1))
		if err != nil {
			return failure{exitFailed, err}
		}
		formatted, err := formatted("standard input", src)
		if err != nil {
			return err
		}
		_, err = raw(out).Write(formatted)
		return err
	}
	files, diags := flow.Find(args)
	if diags.HasErrors() {
		return failure{exitFailed, fmt.Errorf("%s", diags[0].Detail)}
	}
	changed := 0
	for _, name := range files {
		if flow.IsJSON(name) {
			continue
		}
		src, err := regular.ReadInside(name, 1<<20)
		if err != nil {
			return failure{exitFailed, err}
		}
		after, err := formatted(name, src)
		if err != nil {
			return err
		}
		if bytes.Equal(src, after) {
			continue
		}
		changed++
		fmt.Fprintln(out, visible.Line(name))
		if check {
			continue
		}
		if err := rewrite(name, after); err != nil {
			return failure{exitFailed, err}
		}
	}
	if check && changed > 0 {
		return failure{code: exitFailed}
	}
	return nil
}

func rewrite(name string, text []byte) error {
	f, err := regular.OpenInside(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// formatted formats what parses; a file with a syntax error is left as it is.
func formatted(name string, src []byte) ([]byte, error) {
	if diags := flow.CheckSyntax(name, src); diags.HasErrors() {
		d := diags[0]
		return nil, failure{exitFailed, fmt.Errorf("%s:%d:%d: %s: %s", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column, d.Summary, d.Detail)}
	}
	return hclwrite.Format(src), nil
}
