package broker

import (
	"context"
	"net/url"

	"github.com/eipd/eipd/eip"
)

// A Transport opens brokers of one kind.
type Transport struct {
	Open func(ctx context.Context, c Config) (Broker, error)
	// Capabilities are what is known of them before one is open.
	Capabilities Capabilities
	// CapabilitiesAt are those of what a URL names, as far as it tells; nil where it tells
	// nothing.
	CapabilitiesAt func(u *url.URL) Capabilities
	// CheckURL reports what is wrong with a URL, without what may be secret in it; nil
	// where there is nothing to check.
	CheckURL func(u *url.URL) error
	// Ping connects step by step, and returns what it found, or an error that names
	// the step that failed. nil where there is nothing to connect to.
	Ping func(ctx context.Context, c Config) (about string, err error)
	// Check reports what is wrong with a channel, or with reading it as s says, beside
	// what Capabilities tell, without connecting; nil where there is nothing to check. It
	// returns an eip.OptionError. Callers use CheckChannel.
	Check func(c Channel, s *Subscription) error
	// Warn says what may go wrong with a channel, and whether to worry depends on
	// what its author has in mind; s is how a flow reads it, nil where none does. nil
	// where there is nothing to say.
	Warn func(c Channel, s *Subscription, queueType string) []string
	// Plan finds out what the broker has of each item, and changes nothing. It
	// returns an error where the broker cannot be asked at all. nil where a broker
	// lives in the process and follows the flow files.
	Plan func(ctx context.Context, c Config, items []Item) ([]Finding, error)
}

// Registry maps a URL's scheme to its transport.
var Registry eip.Registry[Transport]

// CheckChannel reports what is wrong with a channel, or with reading it as s says, nil
// of the channel alone. It returns an eip.OptionError.
func (t Transport) CheckChannel(c Channel, s *Subscription) error {
	if err := t.Capabilities.Check(c, s); err != nil || t.Check == nil {
		return err
	}
	return t.Check(c, s)
}
