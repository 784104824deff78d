package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/internal/requestor"
)

func newCall() *cobra.Command {
	c, m := &client{}, &messageFlags{}
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "call CHANNEL",
		Short: "Send a request to a channel, and print the body of the reply",
		Long: `Sends one request to queue.ADDRESS or topic.ADDRESS of the broker, waits for the
reply and prints its body. Exit code 3: none came within the time-out. Exit code 4: it
is an error reply, and what it says is printed on standard error.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return call(ctx, cmd, c, m, args[0])
		},
	}
	c.flags(cmd)
	m.flags(cmd)
	waitVar(cmd.Flags(), &timeout, "timeout", time.Second, "how long to wait for the reply")
	return cmd
}

func call(ctx context.Context, cmd *cobra.Command, c *client, m *messageFlags, name string) error {
	ch, err := channel(name)
	if err != nil {
		return err
	}
	if m.correlation == "" {
		m.correlation = eip.NewID()
	}
	return c.use(ctx, ch, name, func(l *living) error {
		return l.not("no reply comes by its socket; eipd send sends the request alone, and eipd control inject " + l.target + " test=true shows where it would go")
	}, func(b broker.Broker) error { return ask(ctx, cmd, b, ch, m, name) })
}

// ask sends the request, and prints the body of the reply.
func ask(ctx context.Context, cmd *cobra.Command, b broker.Broker, ch broker.Channel, m *messageFlags, name string) error {
	inbox, err := broker.Inbox(ctx, b, "")
	if err != nil {
		return late(ctx, err)
	}
	replies := requestor.Listen(inbox)
	defer replies.Close()
	m.replyTo = inbox.Address()
	request, err := m.message(cmd)
	if err != nil {
		return err
	}
	if until, ok := ctx.Deadline(); ok { // then nobody waits any more
		request = request.With(func(m *eip.Message) { m.Expiration = max(time.Until(until), time.Millisecond) })
	}
	s, err := b.Sender(ctx, ch)
	if err != nil {
		return late(ctx, err)
	}
	reply, err := replies.Ask(ctx, s, request)
	if err == requestor.ErrOver {
		err = because(s, unanswered(ctx, name))
	}
	if err != nil {
		return late(ctx, err)
	}
	if err := endpoint.ReplyError(reply); err != nil {
		return failure{exitLetters, err}
	}
	_, err = raw(cmd.OutOrStdout()).Write(reply.Body())
	return err
}

// unanswered says what to do where no reply came in time.
func unanswered(ctx context.Context, name string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no reply from %s came in time; the request may still be worked on, and --timeout gives it longer", name)
	}
	return fmt.Errorf("no reply from %s: %w", name, ctx.Err())
}
