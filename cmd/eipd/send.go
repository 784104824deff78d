package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

func newSend() *cobra.Command {
	c, m := &client{}, &messageFlags{}
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "send CHANNEL",
		Short: "Send a message to a channel of a broker",
		Long: `Sends one message to queue.ADDRESS or topic.ADDRESS of the broker, and waits until
the broker has it. The channel must exist. While a process has an embedded: broker
open, it is asked by its socket. Exit code 3: not within the time-out.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return send(ctx, cmd, c, m, args[0])
		},
	}
	c.flags(cmd)
	m.flags(cmd)
	cmd.Flags().StringVar(&m.replyTo, "reply-to", "", "the return address")
	waitVar(cmd.Flags(), &timeout, "timeout", 10*time.Second, "how long to wait for the broker")
	return cmd
}

func send(ctx context.Context, cmd *cobra.Command, c *client, m *messageFlags, name string) error {
	ch, err := channel(name)
	if err != nil {
		return err
	}
	msg, err := m.message(cmd)
	if err != nil {
		return err
	}
	return c.use(ctx, ch, name, func(l *living) error { return l.send(ctx, msg) }, func(b broker.Broker) error {
		s, err := b.Sender(ctx, ch)
		if err == nil {
			err = because(s, eip.Await(ctx, s, msg))
		}
		return late(ctx, err)
	})
}
