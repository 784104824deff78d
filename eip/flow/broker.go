package flow

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// broker decodes a broker block.
func (d *decoder) broker(b *syntax.Block) {
	br := &Broker{Range: b.Range()}
	br.Reconnect = newReconnect()
	before := len(d.diags)
	sound := d.decode(&br.BrokerBlock, b, place{what: fmt.Sprintf("broker %q", b.Labels[0].Name)})
	br.Name = b.Labels[0].Name
	d.config.Brokers[br.Name] = br
	if !sound || d.diags[before:].HasErrors() {
		return
	}
	_, t, err := broker.Lookup(br.URL)
	switch {
	case err != nil:
		err = &eip.OptionError{Option: "url", Err: err}
	case br.QueueType != "" && !t.Capabilities.Exchanges:
		err = eip.OptionErrorf("queue_type", "this broker has no types of queues; it is for brokers with exchanges, such as RabbitMQ")
	}
	for i, url := range br.URLs {
		if _, _, wrong := broker.Lookup(url); wrong != nil && err == nil {
			err = eip.OptionErrorf("urls", "number %d: %w", i+1, wrong)
		}
	}
	if err != nil {
		d.blame(b, place{what: fmt.Sprintf("broker %q", br.Name)}, err)
	}
}

// defaultBroker picks the broker of all channels that name none: the command
// line's, else the environment's, else the marked one, else the embedded one.
func (d *decoder) defaultBroker() {
	c := d.config
	all := map[string]hcl.Range{}
	for name, b := range c.Brokers {
		if b.Default {
			all[name] = b.Range
		}
	}
	marked := c.Brokers[d.marked("broker", all)]
	from, url := d.defaultURL("broker", c.options.Broker)
	if url == "" && marked != nil {
		c.Brokers[""] = marked
		return
	}
	if url == "" {
		url = "embedded:"
	}
	c.secrets.Learn("url", url)
	b := &Broker{}
	b.URL, b.Reconnect = url, newReconnect()
	c.Brokers[""] = b
	if _, _, err := broker.Lookup(url); err != nil {
		d.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong broker", Detail: fmt.Sprintf("%s: %v.", from, err)})
	}
}

// marked returns the name of the block that is marked as the default one, "" where none is,
// and refuses the others of all that are.
func (d *decoder) marked(kind string, all map[string]hcl.Range) (first string) {
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(strings.Compare(all[a].Filename, all[b].Filename), all[a].Start.Byte-all[b].Start.Byte)
	})
	for i, name := range names {
		if i == 0 {
			first = name
			continue
		}
		d.fail(problem(all[name], "Two default "+kind+"s", "The %s %q, at %s, is marked as the default already.", kind, first, where(all[first])))
	}
	return first
}

// defaultURL returns the URL of a default that the command line, else the environment names, and
// which of both does; "": neither.
func (d *decoder) defaultURL(kind, option string) (from, url string) {
	if option != "" {
		return "--" + kind, option
	}
	variable := "EIPD_" + strings.ToUpper(kind)
	if v := d.config.lookupEnv(variable); v != nil {
		url = *v
	}
	return variable, url
}

// Inside reports whether the broker lives in the process that opens it.
func (b *Broker) Inside() bool { return isInside(b.URL) }

// isInside reports whether the broker or store of a URL is of one process.
func isInside(url string) bool {
	return strings.HasPrefix(url, "memory:") || strings.HasPrefix(url, "embedded:")
}

// BrokerOf returns the broker that a channel lives on.
func (c *Config) BrokerOf(ch *Channel) *Broker {
	if ch.Broker.At == nil {
		return c.Brokers[""]
	}
	return c.Brokers[ch.Broker.At.Name]
}

// SourceBroker returns the broker that a flow's messages come from, where dead letters
// stay when nothing else is said: the default one, if they come from an adapter.
func (c *Config) SourceBroker(f *Flow) *Broker {
	for _, from := range f.From {
		if ch := c.Channels[from.String()]; ch != nil {
			return c.BrokerOf(ch)
		}
	}
	return c.Brokers[""]
}

// DeadLetterOf returns where the broker moves what a queue gives up; nil where nothing
// is said of it.
func (c *Config) DeadLetterOf(ch *Channel) *Channel {
	if ch.DeadLetter.At == nil {
		return nil
	}
	return c.Channels[ch.DeadLetter.At.String()]
}

// Spec is what the broker is told of a channel.
func (c *Config) Spec(ch *Channel) broker.Channel {
	s := broker.Channel{Kind: broker.Queue, Address: ch.Address, Type: ch.Type, Durable: ch.Durable, Exclusive: ch.Exclusive,
		AutoDelete: ch.AutoDelete, Declare: ch.Declare,
		GroupBy: ch.GroupBy, MaxLength: ch.MaxLength, TTL: ch.TTL, Virtual: ch.Virtual, Arguments: ch.Arguments}
	if ch.Kind == "topic" {
		s.Kind = broker.Topic
	}
	if dead := c.DeadLetterOf(ch); dead != nil {
		s.DeadLetter = dead.Address
	}
	return s
}
