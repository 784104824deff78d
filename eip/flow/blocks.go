package flow

import (
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/jsonschema"
	"github.com/eipd/eipd/eip/manage/control"
)

// The top-level blocks of the language. Their fields' comments are its reference.

// variableBlock declares a setting that is given when the files are loaded.
type variableBlock struct {
	Name string `flow:",label"`
	// What it is for.
	Description string `flow:"description"`
	// string, number, bool, list(…) or map(…); values of another type are refused.
	// Without it, they are of the type of the default.
	Type string `flow:"type"`
	// The value it has when none is given. Without a default one must be given.
	Default any `flow:"default"`
	// Hidden in errors, diagnostics, logs, traces, answers of the control bus and the
	// headers of dead letters.
	Sensitive bool `flow:"sensitive"`
	// The command apply of the control bus may give it a value. Then it cannot be
	// sensitive, and no option that names a broker or a program may depend on it, nor
	// what env() and file() read.
	Dynamic bool `flow:"dynamic"`
}

// BrokerBlock names a broker. Channels without a broker use the default one.
type BrokerBlock struct {
	Name string `flow:",label"`
	// Where the broker is; the scheme picks the transport.
	URL string `flow:"url,required,fixed"`
	// Further nodes of the same cluster, tried in turn.
	URLs []string `flow:"urls,fixed"`
	// Channels that name no broker use this one, unless the command line or
	// EIPD_BROKER names another.
	Default bool `flow:"default,fixed"`
	// The type of each durable queue that is declared there without a type among its
	// arguments: quorum or classic. It goes for subscriptions, FLOW.dead and the
	// inboxes that processes share too. Without it, the broker's own default.
	QueueType string `flow:"queue_type"`
	// Encryption, for the schemes that have it.
	TLS *TLSBlock `flow:"tls,block"`
	// How a lost connection is made again.
	Reconnect ReconnectBlock `flow:"reconnect,block"`
}

// TLSBlock names the files of certificates, relative to the working directory.
type TLSBlock struct {
	// The certificates that the broker's own is checked against; without it those
	// of the system.
	CA string `flow:"ca,fixed"`
	// The client's certificate.
	Cert string `flow:"cert,fixed"`
	// The client's key.
	Key string `flow:"key,fixed"`
	// The name that the broker's certificate must have; without it the URL's host.
	ServerName string `flow:"server_name,fixed"`
}

// ReconnectBlock bounds the waiting time between two attempts.
type ReconnectBlock struct {
	// The first waiting time; it doubles with each attempt.
	Min time.Duration `flow:"min"`
	// The longest waiting time.
	Max time.Duration `flow:"max"`
}

// ChannelBlock is what queues and topics share.
type ChannelBlock struct {
	Name string `flow:",label"`
	// The broker it lives on; without it the default one.
	Broker brokerRef `flow:"broker,fixed"`
	// The broker's own name for it; without it the block's name.
	Address string `flow:"address"`
	// It and what is in it outlive a restart of the broker.
	Durable bool `flow:"durable"`
	// It is removed with its last consumer.
	AutoDelete bool `flow:"auto_delete"`
	// It is created where it is missing. false: it must exist already, and is never
	// created or changed.
	Declare bool `flow:"declare"`
	// The broker's own further arguments, passed through.
	Arguments map[string]any `flow:"arguments"`
	// The JSON Schema that bodies must fit (Datatype Channel). A message that does not is
	// invalid, whether a flow sends it there or takes it from there.
	Schema jsonschema.Option `flow:"schema"`
}

// QueueBlock is a Point-to-Point Channel: each message goes to one receiver.
type QueueBlock struct {
	ChannelBlock
	// Of this process alone, and gone with it.
	Exclusive bool `flow:"exclusive"`
	// The Message Group of a message: messages of one group go to one consumer at a time,
	// in order, also where several processes read the queue. A flow that reads it is
	// ordered by the group, too, unless it says order_by.
	GroupBy eip.Text `flow:"group_by"`
	// The most messages it may hold; while it is full, senders are refused. 0: no
	// limit of its own.
	MaxLength int `flow:"max_length"`
	// How long a message waits in it at most. Without it, or with 0, it waits for ever.
	TTL time.Duration `flow:"ttl"`
	// Where the broker moves what it gives up.
	DeadLetter queueRef `flow:"dead_letter"`
}

// TopicBlock is a Publish-Subscribe Channel: each subscription gets every message.
type TopicBlock struct {
	ChannelBlock
	// What picks the messages of a subscription: topic (its pattern), direct (its
	// binding_key), headers (its match) or fanout (it gets all). Others than topic are
	// for RabbitMQ, whose exchanges these are.
	Type string `flow:"type"`
	// On ActiveMQ over STOMP, a virtual topic: each subscription is a queue, so that
	// processes share it. On other brokers subscriptions are shared anyway.
	Virtual bool `flow:"virtual"`
}

func newChannel() ChannelBlock { return ChannelBlock{Durable: true, Declare: true} }

// WorkBlock is what flows and services share.
type WorkBlock struct {
	// How many messages are worked on at once. 1 keeps their order.
	Concurrency int `flow:"concurrency"`
	// A key; with concurrency, messages of equal key keep their order.
	OrderBy eip.Text `flow:"order_by"`
	// The window in bytes: while the unsettled messages take as much, bodies that
	// stages made of them included, no further one is taken. A larger message passes
	// alone.
	PrefetchBytes eip.Bytes `flow:"prefetch_bytes"`
	// The longest body that is taken, from wherever, and that one may become when its
	// encoding is undone. What is longer is an invalid message. Without it, or with 0,
	// any length is taken, and 64 MiB when an encoding is undone.
	MaxBody eip.Bytes `flow:"max_body"`
	// Where a message goes that cannot be read or evaluated. Without it, where dead
	// letters go.
	Invalid eip.Handler `flow:"invalid_message"`
	// Keep a Message History in the header eip-history: the addresses of the flows
	// and stages that a message has passed, and when; the last 64 of them.
	History bool `flow:"history"`
	// The most that one evaluation of an expression in it may do for a message, in
	// millions of steps. A step is a comparison, a few bytes that are looked at, or
	// the like, and takes about a nanosecond: 1000 is about a second of one core.
	// They are counted, so that a busy machine allows no less.
	ExpressionBudget int `flow:"expression_budget"`
	// false: loaded and checked, but not started.
	Enabled bool `flow:"enabled"`
}

// FlowBlock takes messages from somewhere and passes each through its stages.
type FlowBlock struct {
	Name string `flow:",label"`
	// The channels or adapters that messages are taken from.
	From sourceRefs `flow:"from,required"`
	WorkBlock
	// The window: the most unsettled messages taken from the source.
	Prefetch int `flow:"prefetch"`
	// When messages are taken (Polling Consumer). Without it, whenever there are some.
	Poll *PollBlock `flow:"poll,block"`
	// How a failed message is tried again.
	Retry RetryBlock `flow:"retry,block"`
	// Where a message goes that still fails after the last attempt. Without it, the
	// queue FLOW.dead.
	DeadLetter eip.Handler `flow:"dead_letter"`
	// The name of the flow's claim on a topic. Without it, the flow's name.
	Subscription string `flow:"subscription"`
	// The subscription gets what was sent while no process ran.
	Durable bool `flow:"durable"`
	// All processes that run the flow share its subscription, and compete. false: each
	// has one of its own, which is not durable and goes with it, so that each gets
	// every message.
	Shared bool `flow:"shared"`
	// Of all processes that run the flow, one takes messages at a time; the others stand by,
	// and take over when it ends. Without it, this is so where a stage remembers in a store
	// that is of one process, and the flow reads RabbitMQ.
	Single bool `flow:"single"`
	// Which messages of a topic, by their key: words between dots, * for one, # for
	// any number. Without it, all.
	Pattern string `flow:"pattern"`
	// The key of the messages of a topic of the type direct.
	BindingKey string `flow:"binding_key"`
	// Which messages are taken, where the broker itself picks (Selective Consumer): on
	// ActiveMQ a selector of JMS, as in "region = 'eu' AND kind <> 'test'". The others stay
	// for other receivers. Without it, all.
	Select string `flow:"select"`
	// The headers of the messages of a topic of the type headers, with their values.
	// x-match = "any" means that one of them is enough.
	Match map[string]any `flow:"match"`
	// The broker's own name for the subscription's queue. Without it
	// the topic's address, a dot and the subscription.
	SubscriptionAddress string `flow:"subscription_address"`
	// The broker's own further arguments of the subscription's queue.
	SubscriptionArguments map[string]any `flow:"subscription_arguments"`
	Body                  eip.Pipe       `flow:",body,ends"`
}

// RetryBlock bounds how a failed message is tried again.
type RetryBlock struct {
	// How often a message is tried, the first time included. Without it, 3 times; where
	// an adapter's other side is away or busy 10 times, over half a minute or more.
	Attempts int `flow:"attempts,unset"`
	// The time before the second attempt; it doubles with each further one.
	Delay time.Duration `flow:"delay"`
	// The longest time between two attempts, also where a service asks for more.
	MaxDelay time.Duration `flow:"max_delay"`
	// Hold back what is behind a failed message, instead of letting it overtake.
	Ordered bool `flow:"ordered"`
}

// ControlBusBlock configures the control bus.
type ControlBusBlock struct {
	// The topic that commands come from.
	Topic topicRef `flow:"topic"`
	// How often statistics are published. Without it, only on demand.
	StatisticsEvery time.Duration `flow:"statistics_every"`
	// Commands from the topic must be signed with it, and their replies are.
	Secret string `flow:"secret"`
	// The commands that the topic may give. Without it, all.
	Allow []string `flow:"allow"`
	// The commands that the socket may give. Without it, all.
	AllowSocket []string `flow:"allow_socket"`
	// Where replies may go besides inboxes: addresses, in which * stands for any
	// letters. What a flow here reads is never one.
	ReplyTo []string `flow:"reply_to"`
	// How long a command may take at most.
	Timeout time.Duration `flow:"timeout"`
	// The longest time for which something may be set, where a time is given.
	MaxLease time.Duration `flow:"max_lease"`
	// What was set outlasts restarts too: it is kept in the data directory.
	Remember bool `flow:"remember"`
	// What taps, reports of Test Messages, errors and the log hide of every message:
	// paths like body.card and headers.authorization, in any spelling.
	Redact []string `flow:"redact"`
	// false: no topic is read, and only the socket serves.
	Enabled bool `flow:"enabled"`
}

func newControlBus() *ControlBusBlock {
	return &ControlBusBlock{Enabled: true, Timeout: control.DefaultTimeout, MaxLease: control.DefaultMaxLease}
}

func newFlow() *FlowBlock {
	return &FlowBlock{WorkBlock: newWork(), Prefetch: 1000, Retry: newRetry(), Durable: true, Shared: true}
}

func newWork() WorkBlock {
	return WorkBlock{Concurrency: 1, PrefetchBytes: broker.DefaultPrefetchBytes, Enabled: true, ExpressionBudget: expression.DefaultWork}
}

func newReconnect() ReconnectBlock {
	return ReconnectBlock{Min: 100 * time.Millisecond, Max: 30 * time.Second}
}

func newRetry() RetryBlock {
	return RetryBlock{Delay: 100 * time.Millisecond, MaxDelay: 30 * time.Second}
}
