package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

type receiveCommand struct {
	client
	count        int
	follow       bool
	peek         bool
	timeout      time.Duration
	subscription string
	pattern      string
}

func newReceive() *cobra.Command {
	r := &receiveCommand{}
	cmd := &cobra.Command{
		Use:   "receive CHANNEL",
		Short: "Take messages from a channel of a broker, and print them as JSON",
		Long: `Takes messages from queue.ADDRESS or topic.ADDRESS of the broker and prints each
as one line of JSON. A message is off its queue when its line is printed,
unless --peek leaves it there. It ends
when --count messages came (default 1), or with exit code 3 when too few came
within the time-out; with --follow it goes on until it is stopped. --peek waits
for the first one only.

While a process has an embedded: broker open, --peek asks it by its socket.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.client.flags(cmd)
	defer cmd.MarkFlagsMutuallyExclusive("peek", "follow")
	f := cmd.Flags()
	f.IntVar(&r.count, "count", 1, "how many messages to take")
	f.BoolVar(&r.peek, "peek", false, "show the first messages that wait in a queue, and leave them there")
	f.BoolVar(&r.follow, "follow", false, "take messages until stopped")
	waitVar(f, &r.timeout, "timeout", 10*time.Second, "how long to wait for each message")
	f.StringVar(&r.subscription, "subscription", "", "the `name` of a topic's durable subscription (default: one that ends with the command)")
	f.StringVar(&r.pattern, "pattern", "", "which messages of a topic, by their key")
	return cmd
}

func (r *receiveCommand) run(cmd *cobra.Command, name string) error {
	ch, err := channel(name)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return r.use(ctx, ch, name, func(l *living) error { return l.receive(ctx, r, cmd.OutOrStdout()) },
		func(b broker.Broker) error { return r.from(ctx, b, ch, cmd.OutOrStdout()) })
}

func (r *receiveCommand) from(ctx context.Context, b broker.Broker, ch broker.Channel, to io.Writer) error {
	out := json.NewEncoder(visible.Writer{To: to, Show: visible.JSON})
	out.SetEscapeHTML(false)
	if r.peek {
		return r.look(ctx, b, ch, out)
	}
	sub := broker.Subscription{Name: r.subscription, Durable: r.subscription != "", Pattern: r.pattern, Prefetch: 1}
	if sub.Name == "" {
		sub.Name = "cli-" + eip.NewID()
	}
	opening, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	s, err := b.Source(opening, ch, sub)
	if err != nil {
		return late(opening, err)
	}
	defer s.Close()
	for n := 0; r.follow || n < r.count; n++ {
		if err := r.one(ctx, s, out); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// one takes a message. It settles only when it is printed.
func (r *receiveCommand) one(ctx context.Context, s broker.Source, out *json.Encoder) error {
	waiting := ctx
	if !r.follow {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	m, err := s.Receive(waiting)
	switch {
	case ctx.Err() != nil, errors.Is(err, io.EOF):
		return nil
	case waiting.Err() != nil:
		return failure{exitTimeout, fmt.Errorf("no message came within %v", r.timeout)}
	case err != nil:
		return failure{exitFailed, err}
	}
	var failed error
	eip.Deliver(ctx, eip.HandlerFunc(func(context.Context, *eip.Message) error {
		failed = out.Encode(control.View(m))
		return failed
	}), m)
	return failed
}

// look prints what waits.
func (r *receiveCommand) look(ctx context.Context, b broker.Broker, ch broker.Channel, out *json.Encoder) error {
	if r.count < 1 {
		return nil
	}
	looking, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	browser, ok := b.(broker.Browser)
	if !ok {
		return failure{exitFailed, errors.New("this broker cannot show messages without delivering them")}
	}
	price, err := browser.Price(looking, ch)
	switch {
	case err != nil:
		return late(looking, err)
	case price.Deliveries:
		return failure{exitFailed, fmt.Errorf("queue.%s is a quorum queue with a delivery limit, of which each look costs every message that is shown a delivery, and a command remembers nothing of those before it; eipd control peek has a process look that does", ch.Address)}
	}
	for {
		seen, err := r.show(looking, browser, ch, out)
		switch {
		case seen >= r.count, ctx.Err() != nil:
			return nil
		case seen > 0 && err == nil:
			return failure{exitTimeout, fmt.Errorf("no more than %s waited in queue.%s", count(seen, "message"), ch.Address)}
		case looking.Err() != nil && seen == 0:
			return failure{exitTimeout, fmt.Errorf("no message came within %v", r.timeout)}
		case err != nil:
			return late(looking, err)
		}
		select { // where nothing waits, a look costs nothing
		case <-time.After(lookAgain):
		case <-looking.Done():
		}
	}
}

// lookAgain is how long to wait until an empty queue is looked at once more.
const lookAgain = 200 * time.Millisecond

// show prints what waits now, and counts it.
func (r *receiveCommand) show(ctx context.Context, b broker.Browser, ch broker.Channel, out *json.Encoder) (seen int, err error) {
	for m, err := range b.Browse(ctx, ch, broker.BrowseOptions{Most: r.count}) {
		if err == nil {
			err = out.Encode(control.Viewed(m))
		}
		if err != nil {
			return seen, err
		}
		seen++
	}
	return seen, nil
}
