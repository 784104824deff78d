package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

// living is a process that has an embedded broker to itself while it runs. What is
// wanted of a channel, it is asked for by its socket.
type living struct {
	bus
	*asked
	status control.Status
	target string // the channel, as its flow files name it
}

// living returns the process whose socket is in the data directory, where it has the
// broker open; nil where there is none.
func (c *client) living(ctx context.Context, ch broker.Channel, name string) (*living, error) {
	u, _, err := c.lookup("--broker: URL")
	if err != nil || u.Scheme != "embedded" {
		return nil, err
	}
	l := &living{bus: bus{dataDir: c.dataDir, wait: socketWait, waitSet: true}}
	if l.asked, err = l.dialSocket(); err != nil {
		return nil, nil // who opens the broker says what is wrong with the directory
	}
	names := map[string]bool{} // of the broker
	if l.answer(ctx, l.command("status", "", nil), &l.status, nil) == nil {
		for _, b := range l.status.Brokers {
			names[b.Name] = b.URL == u.String()
		}
	}
	var g control.Graph
	if slices.IndexFunc(l.status.Brokers, func(b control.Broker) bool { return names[b.Name] }) < 0 {
		l.Close()
		return nil, nil
	}
	if err = l.answer(ctx, l.command("list", "", nil), &g, nil); err == nil {
		for _, known := range g.Channels {
			if names[known.Broker] && known.Kind == ch.Kind.String() && known.Address == ch.Address {
				l.target = known.Name
				return l, nil
			}
		}
		err = l.not("none of its flows uses " + name)
	}
	l.Close()
	return nil, err
}

// not says why something cannot be done while the process runs.
func (l *living) not(why string) error {
	return failure{exitFailed, fmt.Errorf("the process %s has the embedded broker to itself while it runs: %s", l.status.Instance, why)}
}

// answer gives a command, and reads what came of it; each of several results goes to
// more.
func (l *living) answer(ctx context.Context, c control.Command, into any, more func(control.Reply) error) error {
	return l.ask(ctx, l.asked, c, func(r control.Reply) error {
		if r.OK && r.More {
			return more(r)
		}
		return r.Read(into)
	})
}

// send has the process put m into the channel.
func (l *living) send(ctx context.Context, m *eip.Message) error {
	args := map[string]any{"body": string(m.Body())}
	for name, text := range map[string]string{"content_type": m.ContentType, "correlation_id": m.CorrelationID, "key": m.Key} {
		if text != "" {
			args[name] = text
		}
	}
	if end, ok := ctx.Deadline(); ok {
		args["timeout"] = max(time.Until(end), time.Millisecond).Round(time.Millisecond).String()
	}
	headers := map[string]any{}
	for name, v := range m.Headers {
		switch n := v.(type) {
		case nil, bool, string, int64:
		case float64:
			text := strconv.FormatFloat(n, 'e', -1, 64) // else a whole one would be an int there
			if v = json.Number(text); math.IsNaN(n) || math.IsInf(n, 0) {
				return l.not("its socket takes no number like that of the header " + name)
			}
		default:
			return l.not("its socket takes no header of the type of " + name)
		}
		headers[name] = v
	}
	if len(headers) > 0 {
		args["headers"] = headers
	}
	switch {
	case !utf8.Valid(m.Body()):
		return l.not("its socket takes text in UTF-8 only")
	case m.ReplyTo != "":
		return l.not("its socket takes no --reply-to")
	}
	return l.answer(ctx, l.command("inject", l.target, args), &control.Injected{}, nil)
}

// receive has the process show what waits in the channel.
func (l *living) receive(ctx context.Context, r *receiveCommand, out io.Writer) error {
	switch {
	case strings.HasPrefix(l.target, "topic."):
		return l.not("eipd tap FLOW shows what its flows get")
	case r.count < 1:
		return nil
	case !r.peek:
		return l.not(fmt.Sprintf("--peek shows what waits in %s, and eipd control purge %s confirm=%s save=true count=%d takes it into a file", l.target, l.target, l.target, r.count))
	}
	var end control.Peeked
	err := l.answer(ctx, l.command("peek", l.target, map[string]any{"count": r.count}), &end, func(r control.Reply) error {
		return printJSON(out, r.Result)
	})
	switch {
	case err != nil:
		return err
	case end.Seen < int64(r.count):
		return failure{exitTimeout, fmt.Errorf("no more than %s came from %s", count(int(end.Seen), "message"), l.target)}
	}
	return nil
}
