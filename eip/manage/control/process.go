package control

import (
	"context"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/deadletter"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

// A Process is what a Server carries out commands on. Its methods are safe for
// concurrent use.
type Process interface {
	// Brokers says how the brokers do that are in use.
	Brokers() []Broker
	// Stores returns the stores in which stages of the flows remember.
	Stores() []Store
	// Files returns the paths of the flow files.
	Files() []string
	// Flows returns the flows, in the order of the files.
	Flows() []Flow
	// Graph says how the flows, channels and adapters of the files hang together: what
	// eipd graph prints as JSON.
	Graph() any
	// Channels returns the declared channels, and the dead-letter queues that no file
	// names, by name.
	Channels() []Channel
	// Traffic returns the channels and adapters that the flows read and send to, by
	// name.
	Traffic() []Traffic
	// Depths says how many messages wait in the queues and subscriptions that the flows
	// use. It answers within a second, with what it knows by then.
	Depths() []Depth
	// JobStore is where what the control bus must not forget is kept, or why that cannot be.
	JobStore(ctx context.Context) (store.Store, error)
	// Inject puts m into a declared channel. The message is settled when it is there.
	Inject(ctx context.Context, channel string, m *eip.Message) error
	// Source takes messages from a queue of Channels; so many at once.
	Source(ctx context.Context, queue string, prefetch int) (broker.Source, error)
	// Look finds a queue of Channels, to be looked into.
	Look(ctx context.Context, queue string) (Look, error)
	// Apply runs the flows of a file, or of a folder of files, in the process' folder of
	// them, in the place of those of this file that run; Remove stops these, and returns
	// their names. Reload does so with the files that the process was started with. A dry
	// run says what would become of which flow, and changes nothing.
	Apply(ctx context.Context, name string, o ApplyOptions) (Applied, error)
	Remove(ctx context.Context, name string) ([]string, error)
	// Unapplied returns the files that were applied before the process started, and
	// could not be applied again.
	Unapplied() []FileState
	Reload(ctx context.Context, dryRun bool) (Applied, error)
	// Reads reports whether a flow may read what is sent to an address: that of a
	// queue, of a subscription, or of what failed.
	Reads(address string) bool
	// Draining reports whether the process is about to end.
	Draining() bool
	// Trace has every step of Test Messages told to f. It is called once.
	Trace(f func(Step))
}

// A Flow is one flow of a Process.
type Flow interface {
	Name() string
	Kind() string // flow or service
	State() State
	// Hindrance says that a flow that is Running is Refused or Waiting, and why, or that it
	// is on Standby; "" where it is not.
	Hindrance() (State, string)
	// Plugins returns the plugins of the flow's stages; none of a flow that does not run.
	Plugins() []Plugin
	// From and To are the channels and adapters that the flow reads and sends to, as
	// the flow file names them.
	From() []string
	To() []string
	// Stages returns the stages, outer ones before those in their bodies.
	Stages() []Stage
	Counts() (business, tests stats.Counts)
	Latency() *stats.Histogram
	// Stop takes no more messages, and settles what is in flight. Of a flow that is
	// stopped it does nothing.
	Stop(ctx context.Context) error
	// Start takes messages again.
	Start(ctx context.Context) error
	// DeadLetterQueue is the name of the queue for its dead letters; "": they go elsewhere.
	DeadLetterQueue() string
	// LastFailure is what the message says of itself that last failed for good, in its
	// headers; nil: none has.
	LastFailure() eip.Headers
	// DeadLetters is the queue for the flow's dead letters, or for its invalid messages.
	DeadLetters(ctx context.Context, invalid bool) (deadletter.Queue, error)
	// Watch has f see every message that the flow receives; nil ends it.
	Watch(f func(*eip.Message))
	// Inject passes m through the flow, as if its source had given it. m settles with
	// the error that is returned.
	Inject(m *eip.Message) error
	// Replay is Inject of a dead letter. failed is called where it fails for good again.
	Replay(m *eip.Message, failed func(error)) error
}

// A Stage is one stage of a Flow.
type Stage struct {
	*eip.Named
	Kind     string   // as flow files name it
	Settable Settable // schema.SettableOf the stage; nil: nothing of it can be set
}

// Settable are attributes that may change while messages pass. Its methods are not
// called at the same time.
type Settable interface {
	// Settable returns their present values.
	Settable() map[string]any
	// Set changes one, or returns an error that names what is wrong with the value.
	Set(attribute string, value any) error
}

// State says what a flow does.
type State string

// The states of a flow.
const (
	Starting State = "starting" // as its process is
	Running  State = "running"
	Stopping State = "stopping"
	Stopped  State = "stopped"
	// A flow that is Running, but for what its broker keeps it from:
	Refused State = "refused" // people must change something
	Waiting State = "waiting" // it is away for a while
	// Standby is one that is well, while another process runs it.
	Standby State = "standby"
)

// StateOf is what a flow does and, where something keeps it from working, why.
func StateOf(f Flow) (state State, why string) {
	if state = f.State(); state == Running {
		if hindered, why := f.Hindrance(); hindered != "" {
			return hindered, why
		}
	}
	return state, ""
}

// A Channel is a declared queue or topic.
type Channel struct {
	Name    string `json:"name"` // "queue.orders"
	Kind    string `json:"kind"`
	Address string `json:"address"` // the broker's own name
	Broker  string `json:"broker"`  // as in status
	Outside bool   `json:"-"`       // other processes use it too
	// Unused is a dead-letter queue that no file names and that this process has not
	// opened, so it may not exist; only who asks for it wants to see it.
	Unused  bool     `json:"-"`
	Read    []string `json:"read_by"` // flows
	Written []string `json:"written_by"`
}

// A Look goes into one queue, as a broker.Browser does, and leaves it as it is.
type Look struct {
	Queue string         // "queue.orders.dead"
	At    broker.Channel // what the Browser is asked for
	broker.Browser
}

// Traffic is what flows take from a channel or an adapter, and send to it.
type Traffic struct {
	Name string // "queue.orders"
	*stats.Traffic
	Implicit bool // no file names it; only who asks for it wants to see it before it is used
}

// A Depth is what waits in a queue or subscription, and was not taken by anybody.
type Depth struct {
	Channel      string  `json:"channel"`                // "queue.orders"
	Subscription string  `json:"subscription,omitempty"` // of a topic
	Messages     int     `json:"messages"`
	Oldest       float64 `json:"oldest_s,omitempty"` // how long it has waited, where that is known
}

// A Broker is the state of a broker, in a status.
type Broker struct {
	Name      string `json:"name"`
	URL       string `json:"url"` // without a password
	Connected bool   `json:"connected"`
	Waiting   string `json:"waiting,omitempty"` // what it waits for
}

// A Store is one in which stages remember, in a status.
type Store struct {
	Name string `json:"name"`
	URL  string `json:"url"` // without a password
}

// Graph is the result of list.
type Graph struct {
	Flows    []FlowNode `json:"flows"`
	Channels []Channel  `json:"channels"`
	// LogLevel and StatisticsEvery are there where they differ from what the process was
	// started with.
	LogLevel        *Setting `json:"loglevel,omitempty"`
	StatisticsEvery *Setting `json:"statistics_every,omitempty"`
}

// A FlowNode is a flow in a Graph.
type FlowNode struct {
	Name   string      `json:"name"`
	Kind   string      `json:"kind"` // flow or service
	State  State       `json:"state"`
	Why    string      `json:"why,omitempty"` // it is refused or waiting
	From   []string    `json:"from"`
	To     []string    `json:"to"`
	Stages []StageNode `json:"stages"`
}

// A StageNode is a stage in a Graph.
type StageNode struct {
	Address string `json:"address"`
	Kind    string `json:"kind"`
	Pattern string `json:"pattern"`
	// Remembers says that groups shows what it remembers.
	Remembers bool `json:"remembers,omitempty"`
	// Settable are the attributes that set takes, with their values.
	Settable map[string]any `json:"settable,omitempty"`
	// Changed are those that differ from the flow file.
	Changed map[string]Setting `json:"changed,omitempty"`
}

// A Setting is an attribute that was set on the control bus.
type Setting struct {
	Value any        `json:"value"`
	File  any        `json:"file"`            // the flow file's
	Until *time.Time `json:"until,omitempty"` // of a lease
}
