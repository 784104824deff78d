package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
)

// client are the flags of commands that use a broker's channels from outside.
type client struct {
	broker  string
	dataDir string
	credentials
}

func (c *client) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.broker, "broker", "", "the broker's `URL` (default $EIPD_BROKER)")
	cmd.Flags().StringVar(&c.dataDir, "data-dir", ".eipd", "the `folder` of an embedded: broker")
	c.credentials.flags(cmd)
}

// lookup finds the broker's transport. name is how the command line gives its URL.
func (c *client) lookup(name string) (*url.URL, broker.Transport, error) {
	if c.broker == "" {
		c.broker = os.Getenv("EIPD_BROKER") // which is no default of the flag, as help would say it
	}
	if c.broker == "" {
		return nil, broker.Transport{}, fmt.Errorf("name the broker: %s, or EIPD_BROKER", strings.Replace(name, ":", "", 1))
	}
	u, t, err := broker.Lookup(c.broker)
	if err != nil {
		return nil, t, fmt.Errorf("%s%w", strings.TrimSuffix(name, "URL"), err)
	}
	return u, t, nil
}

// open connects to the broker.
func (c *client) open(ctx context.Context) (broker.Broker, error) {
	u, t, err := c.lookup("--broker: URL")
	if err != nil {
		return nil, err
	}
	config, err := c.to(broker.Config{URL: u, DataDir: c.dataDir, Instance: fmt.Sprintf("cli:%d", os.Getpid()),
		Reconnect: broker.Reconnect{Min: 100 * time.Millisecond, Max: 2 * time.Second}, Log: secrets.Log(slog.New(logHandler(os.Stderr, "text", slog.LevelWarn)))})
	if err != nil {
		return nil, err
	}
	b, err := t.Open(ctx, config)
	if errors.Is(err, embedded.ErrInUse) {
		err = fmt.Errorf("%w\nThe process that has it is asked by its socket instead where --broker is its broker's URL, and --data-dir its data directory", err)
	}
	if err != nil {
		return nil, failure{exitFailed, err}
	}
	return b, nil
}

// use opens the broker, unless a process has it to itself, which is asked instead.
func (c *client) use(ctx context.Context, ch broker.Channel, name string, ask func(*living) error, open func(broker.Broker) error) error {
	l, err := c.living(ctx, ch, name)
	switch {
	case err != nil:
		return err
	case l != nil:
		defer l.Close()
		return ask(l)
	}
	b, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	return open(b)
}

// channel reads a channel as the command line names it: queue.ADDRESS or
// topic.ADDRESS. It must exist; the command line creates nothing.
func channel(name string) (broker.Channel, error) {
	kind, address, ok := strings.Cut(name, ".")
	if !ok || address == "" || kind != "queue" && kind != "topic" {
		return broker.Channel{}, fmt.Errorf("%s is no channel; write queue.ADDRESS or topic.ADDRESS", name)
	}
	c := broker.Channel{Address: address, Durable: true}
	if kind == "topic" {
		c.Kind = broker.Topic
	}
	return c, nil
}

// messageFlags are those that say what a message is.
type messageFlags struct {
	body        string
	headers     []string
	key         string
	contentType string
	correlation string
	replyTo     string
}

func (c *messageFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.body, "body", "", "the body, or @FILE (default standard input)")
	f.StringArrayVar(&c.headers, "header", nil, "a header: `name[:type]=value`, of the type string, int, float, bool, time, bytes (base64) or null (repeatable)")
	f.StringVar(&c.key, "key", "", "the key")
	f.StringVar(&c.contentType, "content-type", "", "the body's content type")
	f.StringVar(&c.correlation, "correlation-id", "", "the correlation identifier")
}

// message makes the message; settled is told what became of it.
func (c *messageFlags) message(cmd *cobra.Command) (*eip.Message, error) {
	body, err := c.read(cmd)
	if err != nil {
		return nil, err
	}
	headers := eip.Headers{}
	for _, h := range c.headers {
		name, value, err := header(h)
		if err != nil {
			return nil, fmt.Errorf("--header %w", err)
		}
		headers[name] = value
	}
	m := eip.New(body, nil)
	m.ID, m.Timestamp, m.Key, m.ContentType = eip.NewID(), time.Now(), c.key, c.contentType
	m.CorrelationID, m.ReplyTo = c.correlation, c.replyTo
	if len(headers) > 0 {
		m.Headers = headers
	}
	return m, nil
}

func (c *messageFlags) read(cmd *cobra.Command) ([]byte, error) {
	switch name, isFile := strings.CutPrefix(c.body, "@"); {
	case isFile:
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, failure{exitFailed, err}
		}
		return b, nil
	case cmd.Flags().Changed("body"):
		return []byte(c.body), nil
	}
	b, err := io.ReadAll(cmd.InOrStdin())
	if err != nil {
		return nil, failure{exitFailed, fmt.Errorf("read standard input: %w", err)}
	}
	return b, nil
}

// because gives what keeps a sender from working, where something does, in place of an
// error that only says that it did not come to an end.
func because(s broker.Sender, err error) error {
	if t, ok := s.(broker.Troubled); ok && err != nil && t.Trouble() != nil {
		return t.Trouble()
	}
	return err
}

// late makes the error of an operation that may have run out of time; nil where there is
// none.
func late(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return failure{exitTimeout, err}
	}
	return failure{exitFailed, err}
}
