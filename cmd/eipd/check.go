package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	l := &loading{}
	c := &cobra.Command{
		Use:   "check FILES…",
		Short: "Load and check flow files, without connecting to anything",
		Long: `Loads and checks flow files as run does, and connects to nothing. It prints every
problem with its file, line and column, and what to do. Exit code 0: they can be
run (there may be warnings); 1: they cannot.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			config, err := l.load(args)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stdout, "ok: %s, %s, %s\n", count(len(config.Flows), "flow"), count(len(config.Channels), "channel"), count(len(config.Adapters), "adapter"))
			return nil
		},
	}
	l.flags(c)
	return c
}
