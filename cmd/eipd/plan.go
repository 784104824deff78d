package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/internal/visible"
)

// exitChanges is plan's own: there is something to create.
const exitChanges = 2

type planCommand struct {
	loading
	picking
	timeout time.Duration
	asJSON  bool
}

func newPlan() *cobra.Command {
	p := &planCommand{}
	c := &cobra.Command{
		Use:   "plan FILES…",
		Short: "Say what flows would find and create on their brokers, without changing anything",
		Long: `Asks the brokers of flow files what they have of each queue, topic and subscription
that the flows need: it exists as the files say, would be created, or differs, and
then in which arguments. It creates and changes nothing. It names the stages that
remember, and the stores they remember in, which it does not open.

It also tries, without changing anything, what the user of the broker's URL is
permitted.

Exit code 0: nothing is to be done; 2: something would be created; 1: something
differs, is missing, refused or down, so that flows could not work, or a broker
could not be asked; 3: a broker did not answer within the time-out.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return p.run(c, args) },
	}
	p.loading.flags(c)
	p.picking.flags(c, "plan")
	f := c.Flags()
	waitVar(f, &p.timeout, "timeout", 10*time.Second, "how long to wait for the brokers")
	f.BoolVar(&p.asJSON, "json", false, "print one JSON object")
	return c
}

func (p *planCommand) run(c *cobra.Command, files []string) error {
	config, err := p.load(files)
	if err != nil {
		return err
	}
	names, err := p.names(config)
	if err != nil {
		return failure{exitFailed, err}
	}
	ctx, cancel := context.WithTimeout(c.Context(), p.timeout)
	defer cancel()
	plans, err := host.Plan(ctx, config, names, fmt.Sprintf("plan:%d", os.Getpid()))
	if err != nil {
		return failure{exitFailed, err}
	}
	r := newReport(plans)
	if err := r.stores(config, names); err != nil {
		return failure{exitFailed, err}
	}
	printed := r.print
	if p.asJSON {
		printed = r.encode
	}
	if err := printed(c.OutOrStdout()); err != nil {
		return failure{exitFailed, err}
	}
	return r.outcome(ctx, plans)
}

// report is what plan prints. Its JSON form is documented.
type report struct {
	Brokers   []reportBroker `json:"brokers"`
	Stores    []reportStore  `json:"stores"`
	Create    int            `json:"create"`
	Conflicts int            `json:"conflicts"` // what is missing included
	Refused   int            `json:"refused"`
	Down      int            `json:"down"`
	Unknown   int            `json:"unknown"`
}

type reportBroker struct {
	Name  string       `json:"name,omitempty"` // none: the default one
	URL   string       `json:"url"`
	Error string       `json:"error,omitempty"`
	Items []reportItem `json:"items"`
}

type reportStore struct {
	Name   string   `json:"name,omitempty"` // none: the default one
	URL    string   `json:"url"`
	Stages []string `json:"stages"` // that remember in it, by their addresses
}

type reportItem struct {
	Name         string              `json:"name"`
	Kind         string              `json:"kind"` // queue, topic or subscription
	Address      string              `json:"address"`
	Subscription string              `json:"subscription,omitempty"`
	State        broker.State        `json:"state"`
	Flows        []string            `json:"flows"`
	Differences  []broker.Difference `json:"differences,omitempty"`
	Note         string              `json:"note,omitempty"`
	QueueType    string              `json:"queue_type,omitempty"`
	Warnings     []string            `json:"warnings,omitempty"`
}

func newReport(plans []*host.BrokerPlan) *report {
	r := &report{Brokers: []reportBroker{}}
	for _, p := range plans {
		b := reportBroker{Name: p.Name, URL: p.URL}
		if p.Err != nil {
			b.Error = p.Err.Error()
		}
		for _, i := range p.Items {
			item := reportItem{Name: i.Name, Kind: i.Channel.Kind.String(), Address: i.Channel.Address, State: i.State, Flows: i.Flows,
				Differences: i.Differences, Note: i.Note, QueueType: i.QueueType, Warnings: i.Warnings}
			if i.Subscription != nil {
				item.Kind, item.Subscription = "subscription", i.Subscription.Name
			}
			switch i.State {
			case broker.Create:
				r.Create++
			case broker.Conflict, broker.Missing:
				r.Conflicts++
			case broker.Refused:
				r.Refused++
			case broker.Down:
				r.Down++
			case broker.Unknown:
				r.Unknown++
			}
			b.Items = append(b.Items, item)
		}
		r.Brokers = append(r.Brokers, b)
	}
	return r
}

// stores adds where stages of the flows remember.
func (r *report) stores(c *flow.Config, flows []string) error {
	picked, err := c.Pick(flows...)
	r.Stores = []reportStore{}
	for _, m := range c.Memories(picked) {
		r.Stores = append(r.Stores, reportStore{m.Name, c.Redact(m.URL), m.Stages})
	}
	return err
}

func (r *report) encode(w io.Writer) error {
	e := json.NewEncoder(visible.Writer{To: w, Show: visible.JSON})
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// states are how people read them.
var states = map[broker.State]struct{ sign, text string }{
	broker.Fits:      {" ", "exists"},
	broker.Create:    {"+", "would be created"},
	broker.Conflict:  {"!", "conflicts with the flow file"},
	broker.Missing:   {"!", "is missing, and declare = false keeps it from being created"},
	broker.Refused:   {"!", "is refused"},
	broker.Down:      {"!", "is there, and down"},
	broker.Temporary: {" ", "comes and goes with processes"},
	broker.Inside:    {" ", "is inside the process"},
	broker.Unknown:   {"?", "could not be looked up"},
}

func (r *report) print(w io.Writer) error {
	var out strings.Builder
	for _, b := range r.Brokers {
		fmt.Fprintf(&out, "broker %s, %s\n", cmp.Or(b.Name, "by default"), b.URL)
		width, single := 0, []string(nil)
		for _, i := range b.Items {
			width = max(width, len([]rune(i.Name)))
		}
		for _, i := range b.Items {
			i.print(&out, width)
			if i.QueueType == "classic" {
				single = append(single, i.Name)
			}
		}
		if len(single) > 0 {
			fmt.Fprintf(&out, "  classic queues that last: each stops with the one node that holds it, which AMQP does not name:\n    %s\n", strings.Join(single, "\n    "))
		}
		out.WriteByte('\n')
	}
	for _, s := range r.Stores {
		fmt.Fprintf(&out, "store %s, %s, in which these stages remember:\n", cmp.Or(s.Name, "by default"), s.URL)
		for _, stage := range s.Stages {
			fmt.Fprintf(&out, "  %s\n", stage)
		}
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "%d to create, %d in conflict", r.Create, r.Conflicts)
	for _, n := range []struct {
		of   int
		what string
	}{{r.Refused, "refused"}, {r.Down, "down"}, {r.Unknown, "unknown"}} {
		if n.of > 0 {
			fmt.Fprintf(&out, ", %d %s", n.of, n.what)
		}
	}
	_, err := fmt.Fprintln(w, visible.Lines(out.String()))
	return err
}

func (i *reportItem) print(out *strings.Builder, width int) {
	s := states[i.State]
	fmt.Fprintf(out, "%s %-*s  %s\n", s.sign, width, i.Name, s.text)
	for _, d := range i.Differences {
		fmt.Fprintf(out, "    %s: the flow file says %s, the broker has %s\n", d.Argument, d.Wanted, d.Found)
	}
	if i.Note != "" {
		fmt.Fprintf(out, "    %s\n", i.Note)
	}
	for _, w := range i.Warnings {
		fmt.Fprintf(out, "    warning: %s\n", w)
	}
}

// outcome is the exit code, with what is to be said on standard error.
func (r *report) outcome(ctx context.Context, plans []*host.BrokerPlan) error {
	var failed error
	for _, p := range plans {
		if p.Err != nil {
			failed = errors.Join(failed, fmt.Errorf("plan on %s: %w", p.URL, p.Err))
		}
	}
	switch {
	case r.Conflicts > 0:
		return failure{exitFailed, errors.Join(failed, errors.New("flows cannot start while brokers differ from the flow files: make both agree, or set declare = false to use what is there as it is"))}
	case failed != nil:
		return late(ctx, failed)
	case r.Refused+r.Down > 0:
		return failure{exitFailed, errors.New("flows that need what is refused or down wait for it, while others run")}
	case r.Create > 0:
		return failure{exitChanges, nil}
	}
	return nil
}
