package broker

import "github.com/eipd/eipd/eip"

// Capabilities are what a broker can do. What it cannot do is refused when flow files are
// checked, or is an optional interface that it does not have. The acceptance suite checks
// each both ways.
type Capabilities struct {
	Durable       bool // durable channels outlive the process
	Patterns      bool // a topic's subscriptions select by the message's key
	MaxLength     bool // Channel.MaxLength is kept; the sender is refused
	TTL           bool // Channel.TTL and Message.Expiration are kept
	DeadLetter    bool // what expires moves to Channel.DeadLetter
	Headers       bool // every kind of header value survives
	Exchanges     bool // a topic has any Type, a subscription an Address and Arguments, and Config.QueueType is heeded
	Select        bool // Subscription.Select is kept
	AutoDelete    bool // Channel.AutoDelete is kept
	Exclusive     bool // Channel.Exclusive is kept
	Single        bool // Subscription.Single is kept
	MessageGroups bool // Channel.GroupBy is kept, if need be by one consumer that gets all
	// Existing: where Channel.Declare is false, what exists is used as it is.
	Existing bool
	// RefusesMissing: where Declare is false, what does not exist is an error.
	RefusesMissing bool
	// SharedSubscriptions: sources of one Subscription.Name compete for its messages.
	SharedSubscriptions bool
	// GivesBackInOrder: what is given back comes again before what is behind it.
	GivesBackInOrder bool
	LargestBody      eip.Bytes // that it takes; 0: as large as memory or the server's settings allow
	RequestReply     bool      // it is a RequestReply
	// TellsGone: a Return Address that does not exist is an error that eip.Gone made.
	TellsGone bool
	Depth     bool // it is Deep
	Browse    bool // it is a Browser
	Calls     bool // it is a Caller
	Positions bool // it is an adapter.Positions too: adapters' positions are kept with its messages
}

// Check refuses what the broker cannot do: of a channel, or of reading it as s says, nil of
// the channel alone. It returns an eip.OptionError.
func (can Capabilities) Check(c Channel, s *Subscription) error {
	const (
		cannot  = "this broker cannot do that"
		foreign = "it is for brokers with exchanges, such as RabbitMQ"
	)
	if s == nil {
		s = &Subscription{}
	}
	for _, o := range []struct {
		option string
		wanted bool
		can    bool
		why    string
	}{
		{"max_length", c.MaxLength != 0, can.MaxLength, cannot},
		{"ttl", c.TTL != 0, can.TTL, cannot},
		{"dead_letter", c.DeadLetter != "", can.DeadLetter, cannot},
		{"auto_delete", c.AutoDelete, can.AutoDelete, cannot},
		{"exclusive", c.Exclusive, can.Exclusive, cannot},
		{"group_by", c.GroupBy != nil, can.MessageGroups, cannot},
		{"declare", !c.Declare, can.Existing, "this broker makes what it uses, so it cannot be false"},
		{"type", c.Type != "" && c.Type != "topic", can.Exchanges, foreign},
		{"single", s.Single != "", can.Single, "this broker cannot have one process read and the others stand by; RabbitMQ can"},
		{"pattern", s.Pattern != "", can.Patterns, cannot},
		{"select", s.Select != "", can.Select, "this broker gives a message to whoever reads the channel. Have one flow read it, and a content_router or filter pick; ActiveMQ selects by itself"},
		{"binding_key", s.Key != "", can.Exchanges, foreign},
		{"match", s.Match != nil, can.Exchanges, foreign},
		{"subscription_address", s.Address != "", can.Exchanges, foreign},
		{"subscription_arguments", s.Arguments != nil, can.Exchanges, foreign},
	} {
		if o.wanted && !o.can {
			return eip.OptionErrorf(o.option, "%s", o.why)
		}
	}
	return nil
}
