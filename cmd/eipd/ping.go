package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/visible"
)

func newPing() *cobra.Command {
	var timeout time.Duration
	c := &client{}
	cmd := &cobra.Command{
		Use:   "ping [URL]",
		Short: "Can this broker be reached and used with these credentials?",
		Long: `Connects to a broker step by step, and says which step fails: the name, TCP, TLS,
the login, or the permission to use it. Without a URL, it is that of EIPD_BROKER. Exit
code 3: not within the time-out.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			c.broker = strings.Join(args, "")
			u, t, err := c.lookup("URL")
			if err != nil {
				return err
			}
			at := secrets.Hide(c.broker)
			if t.Ping == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s needs no connection\n", visible.Line(at))
				return nil
			}
			begin := time.Now()
			config, err := c.to(broker.Config{URL: u, Instance: "ping"})
			if err != nil {
				return err
			}
			about, err := t.Ping(ctx, config)
			if err != nil {
				return late(ctx, fmt.Errorf("%s: %w", at, err))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s answers: %s, in %v\n", visible.Line(at), visible.Line(about), time.Since(begin).Round(time.Millisecond))
			return nil
		},
	}
	c.credentials.flags(cmd)
	waitVar(cmd.Flags(), &timeout, "timeout", 10*time.Second, "how long to wait")
	return cmd
}
