package eip

import (
	"context"
	"log/slog"

	"github.com/eipd/eipd/eip/stats"
)

// The functions that options of stages are made of. In a flow file each is an
// expression; a Go program passes a function. They must be safe for concurrent
// use. An error makes the message invalid or failed, as it is marked.
type (
	// A Predicate decides.
	Predicate func(ctx context.Context, m *Message) (bool, error)
	// A Value computes anything: nil, bool, int, float64, string, []byte,
	// [time.Time], []any or map[string]any.
	Value func(ctx context.Context, m *Message) (any, error)
	// A Text computes a string.
	Text func(ctx context.Context, m *Message) (string, error)
	// A Merge computes what becomes of a message and the reply to it.
	Merge func(ctx context.Context, m, reply *Message) (any, error)
)

// An Env is what a component is told when it is opened.
type Env struct {
	Address  string       // the flow and the labels down to the component
	Flow     string       // the flow's name
	Instance string       // the process' name
	Log      *slog.Logger // never nil
	// Secret is what the processes that run the flow share to know each other's
	// messages by: the control bus'. "": there is none.
	Secret string

	// Clock is what the component stamps with and waits by.
	Clock Clock

	// Tracer follows the messages of the flow. nil: nobody does.
	Tracer Tracer

	// Stopping is closed when the flow is to stop, and takes no further message. What
	// then fails with [ErrNotRunning] is left to its source. nil: nobody says so.
	Stopping <-chan struct{}
	// Ended is closed when no further message comes from the flow's source: it has ended by
	// itself, or the flow is to stop. Stages before this one may still pass some on. nil:
	// nobody says so.
	Ended <-chan struct{}

	// Make passes a message of the component's own, which New made, to what follows the
	// component in its flow, or to its own way out where it has a method Outlet() Handler:
	// there it is retried, dead-lettered, counted and traced like
	// any message, and settles with nil also when it has become a dead letter. It waits
	// until the flow takes messages, and returns before the message has settled. It must
	// not be called within Process, which has the lane that the message may need. While
	// the flow stops, it fails with [ErrNotRunning], and the message with it.
	//
	// A fork of a message that the component holds may be made within Process, and while
	// the flow stops: it passes at once, in its order.
	//
	// A dead letter of what it made names the component, and a replay has it enter behind
	// that, if it is a [Finisher] or has a method Makes() bool that says so.
	//
	// nil: the component is no stage of a flow, or an interceptor's.
	Make func(ctx context.Context, m *Message) error
	// Fail is Make of a message that has failed at the component for good: what [Invalid]
	// made of an error makes it invalid, any other error a dead letter.
	Fail func(ctx context.Context, m *Message, err error) error
	at   func(env *Env, l *chainLink) // sets them for a stage

	// Discreet is the flow's, for a component that writes errors into messages. nil: nothing
	// is hidden.
	Discreet func(*Message, error) error

	// DeadLetter and Invalid are the flow's, for a component that has messages of
	// its own which may fail. They may be nil.
	DeadLetter, Invalid Handler
	// LastResort keeps a message, on disk when it returns, that is refused for good
	// as a dead letter, and says where. Where it fails, or is nil, the flow takes no
	// further message until that one is taken.
	LastResort func(m *Message) (where string, err error)
}

// An Opener is a component that needs something before it is used: a goroutine, a
// connection. Open is called once before the first message, and again when a
// stopped flow is started again. What it starts must outlive ctx, and end with
// Close.
type Opener interface {
	Open(ctx context.Context, env *Env) error
}

// A Closer is a component that has something to finish. Close is called after the
// last message has settled, of a flow's stages in their order; it finishes what is
// buffered until ctx ends, and leaves no goroutine behind.
type Closer interface {
	Close(ctx context.Context) error
}

// A Finisher is a [Closer] that gathers. Finish is called when the flow's source has ended
// by itself and all that came from it is settled, of a flow's stages in their order: no
// more will come, and what is left may be made now. ctx ends when the flow is to stop.
type Finisher interface {
	Closer
	Finish(ctx context.Context) error
}

// A Validator checks options that only fit together in some ways. It returns an
// [OptionError] where one option is to blame. Where options are [Live], it is asked while
// messages pass, too, and changes nothing.
type Validator interface {
	Validate() error
}

// A Nester is a stage with bodies of its own. Flows open and close what is in
// them, and flow files check them.
type Nester interface {
	Nested() []*Pipe
}

// An Ender is a stage that may be the last of a body that has no `to`: what it is
// given ends there, or leaves by a way of its own. Where nothing follows, what it
// passes on all the same is discarded.
type Ender interface {
	// Ends reports whether it may be the last, and whether it passes messages on all
	// the same where something follows it: a reply, for example.
	Ends() (last, passes bool)
}

// Counted is a stage that counts and measures more than the flow does.
type Counted interface {
	Stats() stats.Own
}

// Troubled is a stage that can say what it uses and does not work; nil: all does.
type Troubled interface {
	Trouble() error
}

// Busy is a component that works on messages that are settled already: a wire
// tap's buffer.
type Busy interface {
	Busy() bool
}

// An Inboxer is the sending side of a channel whose receivers can answer. Inbox
// opens a channel for the replies, on the same broker.
//
// name "" makes one that belongs to this process and goes with it. A name makes a
// durable one that all processes of that name share and compete for.
type Inboxer interface {
	Inbox(ctx context.Context, name string) (Inbox, error)
}

// An Inbox is a Source of replies with the address they are sent to.
type Inbox interface {
	Source
	// Address is the Return Address to give to requests.
	Address() string
	// Answers reports whether m came from the inbox's broker and names a Return
	// Address there, so that SendTo reaches who is to get the reply.
	Answers(m *Message) bool
	// SendTo sends m to an address on the inbox's broker, as a Return Address names
	// it. Like any sending side it holds m until it is confirmed. An address that
	// does not exist is an error that Gone made, one that cannot be one a permanent
	// error.
	SendTo(ctx context.Context, address string, m *Message) error
	Close() error
}
