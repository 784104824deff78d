package routing

import (
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/store"
)

func init() { eip.Stages.Add("process_manager", func() eip.Stage { return NewProcessManager() }) }

// A ProcessManager leads processes of several steps, such as orders, from state to state.
// What messages and times do to a process is written down in a store, together with what
// it sends, before anything is sent; so it outlasts restarts.
type ProcessManager struct {
	// Where processes are kept. Without it, in the default store.
	Store store.Place `flow:"store"`
	// Which process a message belongs to: an expression, whose value is the process' key.
	Key eip.Value `flow:"key,required"`
	// Messages that begin a process, where there is none of their key. They are tried in
	// the order in which they are written.
	On []*ProcessEvent `flow:"on,block,required"`
	// The states that a process may be in.
	States []*ProcessState `flow:"state,block"`
	// The states that end a process.
	Finals []*ProcessFinal `flow:"final,block,required"`
	// What becomes of a message that the state of its process does not take, or that finds
	// no process and begins none: it becomes a dead letter, is ignored, or waits until the
	// process takes it.
	Unexpected eip.Live[Unexpected] `flow:"unexpected"`
	// How long such a message waits at most. Then it becomes a dead letter.
	Patience eip.Live[time.Duration] `flow:"patience"`
	// How long messages are known, so that a double does nothing, and keys of processes that
	// have ended, so that a late message does not begin another.
	Remember time.Duration `flow:"remember"`
	// How old a process may be. Then it is given up: what it knows becomes a dead letter. A
	// change holds for a process from the next thing that happens to it.
	MaxAge eip.Live[time.Duration] `flow:"max_age"`
	// How many processes there may be. A message that would begin one more fails, and is tried
	// again, as where a service is away.
	MaxProcesses eip.Live[int] `flow:"max_processes"`

	env      *eip.Env
	plan     *processPlan
	space    store.Space
	outbox   store.Outbox
	seal     processSeal
	inbox    eip.Inbox                        // nil: there are no requests
	listener atomic.Pointer[replies.Listener] // nil: there are no requests, or it is not open
	rarely   rarely.Log
	processStats
}

// Unexpected is what becomes of a message that a process does not take.
type Unexpected string

// Options returns what there is.
func (Unexpected) Options() []string { return []string{"dead_letter", "ignore", "wait"} }

// A ProcessState is a state of processes that go on.
type ProcessState struct {
	// Label is its name.
	Label string `flow:",label"`
	// Messages that it takes, tried in the order in which they are written.
	On []*ProcessEvent `flow:"on,block"`
	// Replies to a request of that name which the process made on its way into the state, or in
	// it. There may be several of a name, which are tried in their order.
	OnReply []*ProcessReply `flow:"on_reply,block"`
	// Error replies to such a request, in the place of on_reply: those with the header
	// eip-error-code.
	OnError []*ProcessReply `flow:"on_error,block"`
	// What is done when a request of that name has had no reply in its timeout.
	OnTimeout []*ProcessTimeout `flow:"on_timeout,block"`
	// What is done with a message or reply that nothing else takes.
	Otherwise *ProcessAction `flow:"otherwise,block"`
	// What is done when the process has been in the state for so long. Another entry into
	// it, also from itself, begins anew.
	After []*ProcessAfter `flow:"after,block"`
}

// A ProcessFinal is a state in which a process has ended.
type ProcessFinal struct {
	// Label is its name.
	Label string `flow:",label"`
	// What is sent when a process ends there.
	Send []*ProcessSend `flow:"send,block"`
}

// A ProcessEvent is a message that a process takes.
type ProcessEvent struct {
	// Label is its name.
	Label string `flow:",label"`
	// Whether it takes a message. Without it, any.
	If ProcessPredicate `flow:"if"`
	ProcessAction
}

// A ProcessReply is a reply that a process takes.
type ProcessReply struct {
	// Label is the name of the request.
	Label string `flow:",label,again"`
	// Whether it takes a reply. Without it, any.
	If ProcessPredicate `flow:"if"`
	ProcessAction
}

// A ProcessTimeout is that a request has no reply in its timeout.
type ProcessTimeout struct {
	// Label is the name of the request.
	Label string `flow:",label"`
	ProcessAction
}

// A ProcessAfter is that a process has been in a state for some time.
type ProcessAfter struct {
	// Label is how long: a duration such as 10m.
	Label string `flow:",label"`
	ProcessAction
}

// A ProcessAction is what a process does. First it sets and removes what it knows, then it
// goes, and sends at last; nothing is sent before all of it is written down.
type ProcessAction struct {
	// What the process knows from now on: expressions, by their names in process.data. Each
	// sees process.data as it was before.
	Set map[string]OfProcess `flow:"set"`
	// Names of what it knows no longer.
	Remove []string `flow:"remove"`
	// Messages that are sent.
	Send []*ProcessSend `flow:"send,block"`
	// Requests that are sent behind these. Their replies come to the state that the process is
	// in then.
	Request []*ProcessRequest `flow:"request,block"`
	// What takes back what is done here, where an undo_to comes later.
	Undo *ProcessUndo `flow:"undo,block"`
	// The state that the process goes to. Without it, it stays where it is, and its times
	// go on.
	Goto string `flow:"goto"`
	// The state that the process goes to when all that has an undo is undone, the last first.
	UndoTo string `flow:"undo_to"`
}

// A ProcessUndo takes back a step of a process. Its expressions are evaluated when the step
// is taken.
type ProcessUndo struct {
	// Messages that are sent.
	Send []*ProcessSend `flow:"send,block"`
	// Requests that are sent behind these, each when the one before has its reply. Where that
	// is an error, or does not come in the timeout, nothing more is undone.
	Request []*ProcessRequest `flow:"request,block"`
}

// A ProcessSend is a message that a process sends.
type ProcessSend struct {
	// Where it is sent to.
	To []eip.Target `flow:"to,required"`
	// Its body. Without it, the body of the message that has come; where none has, as after
	// a time, what the process knows.
	Body OfProcess `flow:"body"`
	// What headers it has beside those of the message that has come: expressions, by their
	// names. One that gives nil takes the header away.
	Headers map[string]OfProcess `flow:"headers"`
}

// A ProcessRequest is a message that a process waits for the reply to.
type ProcessRequest struct {
	// Label is its name, by which on_reply, on_error and on_timeout know it.
	Label string `flow:",label"`
	// The queue that the service reads; a topic is refused, as it may have several replies. All
	// requests of a stage are on one broker.
	To []eip.Target `flow:"to,required"`
	// Its body. Without it, the body of the message that has come; where none has, as after
	// a time, what the process knows.
	Body OfProcess `flow:"body"`
	// What headers it has beside those of the message that has come: expressions, by their
	// names. One that gives nil takes the header away.
	Headers map[string]OfProcess `flow:"headers"`
	// After how long without a reply the on_timeout of its name is done. Without it, or where
	// the state has no such on_timeout, a reply may come for as long as the process is in the
	// state.
	Timeout time.Duration `flow:"timeout"`
}

// NewProcessManager returns a ProcessManager that knows ended processes for a day.
func NewProcessManager() *ProcessManager {
	return &ProcessManager{Unexpected: eip.LiveOf[Unexpected]("dead_letter"), Patience: eip.LiveOf(time.Minute), Remember: 24 * time.Hour,
		MaxAge: eip.LiveOf(30 * 24 * time.Hour), MaxProcesses: eip.LiveOf(1_000_000)}
}

// Place is where it remembers.
func (p *ProcessManager) Place() *store.Place { return &p.Store }

// Remembers is how long it knows a message.
func (p *ProcessManager) Remembers() time.Duration { return p.Remember }

// Absorbs says that messages are settled once they are in their process.
func (*ProcessManager) Absorbs() {}

// Pattern names what the stage is.
func (*ProcessManager) Pattern() string { return "Process Manager" }

// Ends says that what it sends leaves by the channels that it names.
func (*ProcessManager) Ends() (last, passes bool) { return true, false }
