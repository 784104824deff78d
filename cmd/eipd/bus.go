package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

// bus are the flags of commands that ask running processes.
type bus struct {
	broker   string
	topic    string
	socket   string
	dataDir  string
	instance string
	labels   []string
	wait     time.Duration
	expect   int
	waitSet  bool // the wait is as the command line says
	credentials
}

// Times that processes have where the command line does not say.
const (
	connectTimeout = 10 * time.Second
	socketWait     = time.Minute
)

func (b *bus) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.broker, "broker", "", "ask all processes on the broker of this `URL`")
	b.others(cmd)
}

// others are the flags beside --broker.
func (b *bus) others(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.topic, "topic", control.Address, "the `address` of the topic that they listen to")
	f.StringVar(&b.socket, "socket", "", "ask the process that serves the socket of this `path` (default control.sock in the data directory)")
	f.StringVar(&b.dataDir, "data-dir", ".eipd", "the data directory, a `folder`, of the process to ask")
	f.StringVar(&b.instance, "instance", "", "ask only the process of this `name`, in which * stands for any letters")
	f.StringArrayVar(&b.labels, "label", nil, "ask only processes that run with this `word` as their label (repeatable)")
	waitVar(f, &b.wait, "wait", 2*time.Second, "how long to wait for the answers of all; the one process at a socket has 1m unless it is given")
	f.IntVar(&b.expect, "expect", 0, "wait no longer than until this `number` of processes have answered")
	b.credentials.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("broker", "socket")
	cmd.MarkFlagsMutuallyExclusive("broker", "data-dir")
	cmd.PreRunE = func(*cobra.Command, []string) error { return b.check(cmd) }
	_ = cmd.RegisterFlagCompletionFunc("instance", b.completeInstance) // the flag exists
}

func (b *bus) check(cmd *cobra.Command) error {
	b.waitSet = cmd.Flags().Changed("wait")
	if b.expect < 0 {
		return errors.New("--expect must be at least 0")
	}
	for _, name := range []string{"instance", "label", "flow", "group", "id", "since", "until", "if"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && picksAll(f.Value) {
			return fmt.Errorf("--%s is empty: leave it out where all are meant", name)
		}
	}
	return nil
}

// picksAll reports whether a flag that picks some has no value, as of a variable that a
// shell has not set: what was meant for one would be done to all.
func picksAll(v pflag.Value) bool {
	if many, ok := v.(pflag.SliceValue); ok {
		return len(many.GetSlice()) == 0 || slices.Contains(many.GetSlice(), "")
	}
	return v.String() == ""
}

// asked are the processes that a command line means.
type asked struct {
	*control.Client
	at     string // where they were asked, for messages
	shared bool   // there may be several
	broker broker.Broker
}

// dial opens the way to the processes. Who cannot be reached has not answered.
func (b *bus) dial(ctx context.Context) (*asked, error) {
	a, err := b.reach(ctx)
	if err == nil {
		a.Secret = os.Getenv("EIPD_CONTROL_SECRET")
	}
	return a, err
}

func (b *bus) reach(ctx context.Context) (*asked, error) {
	if b.broker == "" {
		return b.dialSocket()
	}
	u, transport, err := broker.Lookup(b.broker)
	if err != nil {
		return nil, fmt.Errorf("--broker: %w", err)
	}
	if transport.Ping == nil {
		return nil, fmt.Errorf("--broker: %s is inside one process, and nobody else's; ask that process by its socket: --data-dir or --socket", secrets.Hide(b.broker))
	}
	return b.dialTopic(ctx, u)
}

func (b *bus) dialSocket() (*asked, error) {
	path := b.socket
	if path == "" {
		path = filepath.Join(b.dataDir, control.SocketName)
	}
	c, err := control.DialSocket(path)
	if err != nil {
		return nil, failure{exitTimeout, fmt.Errorf("%w\nName a running process by its --data-dir or --socket, or ask all on a broker with --broker", err)}
	}
	return &asked{Client: c, at: "the socket " + path}, nil
}

func (b *bus) dialTopic(ctx context.Context, u *url.URL) (*asked, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	at := fmt.Sprintf("topic %s of %s", b.topic, secrets.Hide(b.broker))
	on, err := (&client{broker: b.broker, dataDir: b.dataDir, credentials: b.credentials}).open(ctx)
	if err != nil {
		return nil, failure{exitTimeout, unreachable(u, err)}
	}
	c, err := control.DialTopic(ctx, on, b.topic)
	if err != nil {
		return nil, failure{exitTimeout, errors.Join(unreachable(u, err), on.Close())}
	}
	return &asked{Client: c, at: at, shared: true, broker: on}, nil
}

func unreachable(u *url.URL, err error) error {
	return fmt.Errorf("no process was asked: %w\nSee eipd ping %s", err, secrets.Hide(u.String()))
}

// complain says what is wrong with somebody.
func complain(stderr io.Writer, who, why string) {
	fmt.Fprintf(stderr, "eipd: %s: %s\n", visible.Line(who), visible.Line(why))
}

// warn says once that somebody was not believed.
func (a *asked) warn(stderr io.Writer) {
	if refused := a.Refused(); refused != nil {
		fmt.Fprintln(stderr, "eipd:", visible.Line(refused.Error()))
	}
}

// Close ends within a moment: what was not taken by a broker that takes nothing is
// not waited for.
func (a *asked) Close() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = a.Client.Close() // what was asked is answered, or nobody waits for it
		if a.broker != nil {
			_ = a.broker.Close()
		}
	}()
	select {
	case <-closed:
	case <-time.After(time.Second):
	}
}

// command makes a command of this bus.
func (b *bus) command(name, target string, args map[string]any) control.Command {
	return control.Command{Command: name, Target: target, Args: args, Instance: b.instance, Labels: b.labels}
}

// collect says how long to wait for whom.
func (b *bus) collect(c control.Command) control.Collect {
	of := control.Collect{Wait: b.wait, Expect: b.expect}
	if of.Expect == 0 && b.instance != "" && !strings.Contains(b.instance, "*") {
		of.Expect = 1
	}
	if test, timeout := c.Args["test"], 10*time.Second; !b.waitSet && c.Command == "inject" && test == true {
		// Its report comes at the end of the Test Message's way.
		if text, ok := c.Args["timeout"].(string); ok {
			if d, err := time.ParseDuration(text); err == nil && d > 0 {
				timeout = min(d, control.DefaultTimeout)
			}
		}
		of.Wait += timeout
	}
	return of
}

// ask gives a command, and passes on the replies as they come, until each process has
// sent its last. It returns an error where nobody has answered, or the answers are
// cut off.
func (b *bus) ask(ctx context.Context, a *asked, c control.Command, each func(control.Reply) error) error {
	of := b.collect(c)
	if !a.shared && !b.waitSet { // who knows that only one answers waits until it does
		of.Wait = max(of.Wait, socketWait)
	}
	answered := false
	for r, err := range a.Do(ctx, c, of) {
		switch {
		case err == nil:
			if err := each(r); err != nil {
				return failure{exitFailed, err}
			}
			answered = true
		case answered && errors.Is(err, control.ErrNobody):
			return failure{exitFailed, fmt.Errorf("read answers of %s: they broke off", a.at)}
		case answered:
			return failure{exitFailed, fmt.Errorf("read answers of %s: %w", a.at, err)}
		default:
			return failure{exitTimeout, b.nobody(a, of.Wait, err)}
		}
	}
	return nil
}

// nobody says who was asked in vain, and what may help.
func (b *bus) nobody(a *asked, wait time.Duration, err error) error {
	if !errors.Is(err, control.ErrNobody) {
		return fmt.Errorf("%s has not answered: %w", a.at, err)
	}
	var who strings.Builder
	who.WriteString("no process has answered")
	if b.instance != "" {
		fmt.Fprintf(&who, " as instance %s", b.instance)
	}
	for _, label := range b.labels {
		fmt.Fprintf(&who, " with the label %s", label)
	}
	fmt.Fprintf(&who, " on %s within %v; ", a.at, wait)
	if a.shared {
		who.WriteString("does one run with this broker, with this --topic? eipd status in its folder says what it listens to; --wait gives it longer")
	} else {
		who.WriteString("eipd status says what its name is, and --wait gives it longer")
	}
	return errors.New(who.String())
}
