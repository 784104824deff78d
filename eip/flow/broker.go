package flow

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/internal/regular"
)

// broker decodes a broker block.
func (d *decoder) broker(b *syntax.Block) {
	br := &Broker{Range: b.Range()}
	br.Reconnect = ReconnectBlock{Min: 100 * time.Millisecond, Max: 30 * time.Second}
	before := len(d.diags)
	d.decode(&br.BrokerBlock, b, place{what: fmt.Sprintf("broker %q", b.Labels[0].Name)})
	br.Name = b.Labels[0].Name
	d.config.Brokers[br.Name] = br
	if d.diags[before:].HasErrors() {
		return
	}
	_, t, err := broker.Lookup(br.URL)
	switch {
	case err != nil:
		err = optionError("url", err)
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
	var marked *Broker
	for _, b := range c.Brokers {
		switch {
		case !b.Default:
		case marked == nil:
			marked = b
		default:
			first, second := marked, b
			if second.Range.Filename < first.Range.Filename || second.Range.Filename == first.Range.Filename && second.Range.Start.Byte < first.Range.Start.Byte {
				first, second = second, first
			}
			d.fail(problem(second.Range, "Two default brokers", "The broker %q, at %s, is marked as the default already.", first.Name, where(first.Range)))
		}
	}
	from, url := "--broker", c.options.Broker
	if url == "" {
		from = "EIPD_BROKER"
		url, _ = c.lookupEnv("EIPD_BROKER")
	}
	if url == "" && marked != nil {
		c.Brokers[""] = marked
		return
	}
	if url == "" {
		url = "embedded:"
	}
	c.secrets.Learn("url", url)
	b := &Broker{}
	b.URL, b.Reconnect = url, ReconnectBlock{Min: 100 * time.Millisecond, Max: 30 * time.Second}
	c.Brokers[""] = b
	if _, _, err := broker.Lookup(url); err != nil {
		d.fail(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong broker", Detail: fmt.Sprintf("%s: %v.", from, err)})
	}
}

// brokerOf returns the broker that a channel lives on.
func (c *Config) brokerOf(ch *Channel) *Broker {
	if ch.Broker.At == nil {
		return c.Brokers[""]
	}
	return c.Brokers[ch.Broker.At.name]
}

// spec is what the broker is told of a channel.
func (c *Config) spec(ch *Channel) broker.Channel {
	s := broker.Channel{Kind: broker.Queue, Address: ch.Address, Type: ch.Type, Durable: ch.Durable, Exclusive: ch.Exclusive,
		AutoDelete: ch.AutoDelete, Declare: ch.Declare, MaxLength: ch.MaxLength, TTL: ch.TTL, Arguments: ch.Arguments}
	if ch.kind == "topic" {
		s.Kind = broker.Topic
	}
	if ch.DeadLetter.At != nil {
		s.DeadLetter = c.Channels[ch.DeadLetter.At.String()].Address
	}
	return s
}

// subscription is how a flow reads its channels.
func (f *Flow) subscription() broker.Subscription {
	return broker.Subscription{Name: f.Subscription, Durable: f.Durable, Pattern: f.Pattern, Prefetch: f.Prefetch,
		Ordered: f.OrderBy != nil || f.Retry.Ordered, Key: f.BindingKey, Match: f.Match, Address: f.SubscriptionAddress, Arguments: f.SubscriptionArguments}
}

// tlsConfig reads the certificates that a tls block names.
func (t *TLSBlock) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := regular.ReadFile(t.CA, maxFile)
		if err != nil {
			return nil, fmt.Errorf("read ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca: %s holds no certificate in PEM form", t.CA)
		}
	}
	if t.Cert != "" || t.Key != "" {
		cert, err := regular.ReadFile(t.Cert, maxFile)
		if err != nil {
			return nil, fmt.Errorf("read cert: %w", err)
		}
		key, err := regular.ReadFile(t.Key, maxFile)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
