package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/internal/nearest"
)

func newNew() *cobra.Command {
	return &cobra.Command{
		Use:   "new [NAME [DIR]]",
		Short: "Begin with a pattern: write a folder with flows, tests and a sample that run",
		Long: `Writes a folder that runs at once: flow files, their tests, a sample of what goes in,
and a README.md with the commands. NAME is one of Enterprise Integration Patterns, such
as aggregator or "Wire Tap", a job of the cookbook or an example; without it, it lists
all. DIR is made where it is not there, and must be empty; without it, it is NAME.`,
		Args: cobra.MaximumNArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			for _, k := range kits() {
				names = append(names, k.name+"\t"+k.about)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listKits(c.OutOrStdout())
			}
			k, err := kitOf(args[0])
			if err != nil {
				return failure{exitFailed, err}
			}
			dir := filepath.Clean(append(args, slug(args[0]))[1])
			if err := k.write(dir); err != nil {
				return failure{exitFailed, err}
			}
			for _, file := range slices.Sorted(maps.Keys(k.files)) {
				fmt.Fprintln(c.OutOrStdout(), filepath.Join(dir, filepath.FromSlash(file)))
			}
			return nil
		},
	}
}

func listKits(out io.Writer) error {
	w, kind := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0), ""
	for _, k := range kits() {
		if k.kind != kind {
			if kind != "" {
				fmt.Fprintln(w)
			}
			kind = k.kind
			fmt.Fprintln(w, kind)
		}
		fmt.Fprintf(w, "  %s\t%s\n", k.name, k.about)
	}
	return w.Flush()
}

func kitOf(name string) (kit, error) {
	var names []string
	for _, k := range kits() {
		if name != "" && (k.name == slug(name) || k.example == name) {
			return k, nil
		}
		names = append(names, k.name)
	}
	for _, p := range patterns() {
		if slug(p.name) == slug(name) {
			return kit{}, fmt.Errorf("%s has nothing that runs by itself; see %s", p.name, p.page)
		}
	}
	return kit{}, fmt.Errorf("there is no pattern, job or example %q%s; eipd new lists all", name, nearest.Hint(slug(name), names))
}

// write makes the folder, and never writes over what is there.
func (k kit) write(dir string) error {
	switch there, err := os.ReadDir(dir); {
	case len(there) > 0:
		return fmt.Errorf("the folder %s is not empty; name another one", dir)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	for name, text := range k.files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
