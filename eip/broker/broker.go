package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Broker is a connection to whatever keeps messages between flows.
type Broker interface {
	// Source declares the channel (and, of a topic, the subscription), and starts
	// to consume from it. From its return on, a topic's subscription gets every
	// message that is sent. Messages that it yields can be answered where they name
	// a Return Address on this broker, if that is a RequestReply. A broker that is away is waited for; one that
	// refuses, or has lost what holds the channel, gives a Trouble.
	Source(ctx context.Context, c Channel, s Subscription) (Source, error)
	// Sender declares the channel and returns its sending side.
	Sender(ctx context.Context, c Channel) (Sender, error)
	// Capabilities are what it can do: those of its Transport, as far as the server that
	// was found does not make them other ones.
	Capabilities() Capabilities
	// Status says how the broker does, without blocking.
	Status() Status
	// Close ends everything that was opened on the broker. What is not settled is
	// delivered again to whoever comes next.
	Close() error
}

// A Source is the receiving side of a channel. Close gives back what was not
// settled, and makes Receive return eip.ErrClosed.
type Source interface {
	eip.Source
	Close() error
}

// An Asider is a Source that need not have in memory what it keeps from other readers.
type Asider interface {
	// SetAside lets go of a message that the Source has given, and that nobody is going to
	// settle: Close gives it back to where it was, and until then it counts for no
	// prefetch. false: it cannot, and the message is as before.
	SetAside(m *eip.Message) bool
}

// Trouble is why a Source or Sender cannot be opened, or does not work, for now,
// though its broker is there. One that was open mends it by itself.
type Trouble struct {
	Refused bool // by the broker: people must change something
	Standby bool // another process works in its place, and all is well
	Err     error
}

func (t *Trouble) Error() string { return t.Err.Error() }
func (t *Trouble) Unwrap() error { return t.Err }

// ErrLost is the end of a connection to a server, which the broker has logged once for
// all and mends.
var ErrLost = errors.New("the connection was lost")

// Troubled is a Source or Sender that says what keeps it from working; nil:
// nothing.
type Troubled interface{ Trouble() *Trouble }

// A Sender is the sending side of a channel. Close waits until what was handed to it
// has settled; where that cannot be (the broker is away), it returns an error that says
// how many messages are left.
type Sender interface {
	eip.Handler
	Close() error
}

// RequestReply is a broker on which requests can be answered.
type RequestReply interface {
	Broker
	// SendTo sends m to an address as a Return Address names it, without declaring
	// anything. Like a Sender it holds m until it is confirmed. An address that
	// does not exist is an error that eip.Gone made, one that cannot be one a
	// permanent error.
	SendTo(ctx context.Context, address string, m *eip.Message) error
	// Inbox opens a channel for replies, as eip.Inboxer says.
	Inbox(ctx context.Context, name string) (eip.Inbox, error)
}

// Idler is a broker inside this process, which can tell when it has nothing left
// to deliver.
type Idler interface {
	// Idle reports whether no message waits in, or was taken unsettled from, any
	// channel that has an open Source.
	Idle() bool
}

// Deep is a broker that can tell how much waits in channels.
type Deep interface {
	// Depths looks at the queue, or the subscription, of each item, and changes nothing.
	// It has no entry for what it cannot tell by the end of ctx, or does not hold.
	Depths(ctx context.Context, of []Item) map[int]Depth
}

// Depth is how much waits in a queue or subscription, without what somebody has taken.
type Depth struct {
	Messages int
	Oldest   time.Duration // how long the oldest has waited; 0: nobody knows
}

// Status is a broker's state, for people and programs.
type Status struct {
	URL       string // without a password
	Connected bool
	Waiting   string // what it waits for, where it is not connected
}

// Kind is a queue or a topic.
type Kind int

// The kinds of channel.
const (
	Queue Kind = iota // Point-to-Point Channel
	Topic             // Publish-Subscribe Channel
)

func (k Kind) String() string {
	if k == Topic {
		return "topic"
	}
	return "queue"
}

// A Channel is what a flow file says of a queue or topic.
type Channel struct {
	Kind    Kind
	Address string // the broker's own name for it
	// Type of a topic: what picks the messages of a subscription. topic (also ""): its
	// Pattern; direct: its Key; headers: its Match; fanout: nothing, it gets all.
	Type string
	// Virtual: on ActiveMQ the topic is a virtual one, of which each subscription is a
	// queue, so that processes share it. Elsewhere it makes no difference.
	Virtual bool
	// Durable channels and what is in them outlive the broker's restart.
	Durable    bool
	Exclusive  bool // of this process alone, and gone with it
	AutoDelete bool // gone with its last consumer
	// Declare: create the channel where it is missing. Otherwise it must exist.
	Declare bool
	// GroupBy gives a message's group: those of one group go to one consumer at a time, in
	// order (Message Group). nil: there are no groups.
	GroupBy    eip.Text
	MaxLength  int           // most messages in it; 0: no limit
	TTL        time.Duration // how long a message waits in it at most; 0: for ever
	DeadLetter string        // address of the queue for what expires; "": dropped
	Arguments  map[string]any
}

// A Subscription is one flow's claim on what a topic sends. It says nothing about
// queues but the prefetch.
type Subscription struct {
	Name    string // processes of the same name compete
	Durable bool   // it gets what was sent while no process ran
	Pattern string // "": every message; else dotted words, * for one and # for any number
	Key     string
	Match   map[string]any // headers; x-match says whether all are meant or any
	// Select is what the broker picks messages of a queue or topic by, in its own language;
	// "": it gives all.
	Select string
	// Address is the broker's own name for the subscription's queue; "": one made of
	// the topic's and the Name. Arguments are that queue's.
	Address   string
	Arguments map[string]any
	Prefetch  int // most unsettled messages; 0: 1000
	// PrefetchBytes is how much memory they may take before no further one is taken or
	// read ahead; 0: DefaultPrefetchBytes.
	PrefetchBytes eip.Bytes
	// Ordered: its flow promises order across a restart, so what a process that has just
	// ended had under way must come before anything newer, if that takes a while.
	Ordered bool
	// Exclusive: it is this process' alone, and goes with it.
	Exclusive bool
	// Single names what one process has at a time, and with it all its sources of that name.
	// Those of others get a Trouble that is Standby, until it closes them or its connection
	// is lost. "": whoever reads, takes messages.
	Single string
	// MaxLength is how many messages wait in an exclusive one at most. Where the
	// broker is remote, the oldest go when more come; 0: no limit.
	MaxLength int
}

// DefaultPrefetchBytes is an eip.Flow's too.
const DefaultPrefetchBytes = 64 << 20

// Config is what a broker is opened with.
type Config struct {
	Name      string   // as in the flow file; "" of the default broker
	URL       *url.URL // the scheme has picked the transport
	URLs      []string // further nodes of a cluster, tried in turn
	TLS       *tls.Config
	Reconnect Reconnect
	// QueueType is of each durable queue that is declared without a type of its own,
	// inboxes and subscriptions included; "": the broker's default.
	QueueType string
	DataDir   string
	Instance  string
	Log       *slog.Logger
	Clock     eip.Clock // of a broker inside this process; a server has its own
}

// Reconnect bounds the waiting time between two attempts to connect.
type Reconnect struct{ Min, Max time.Duration }
