package eip

import (
	"context"
	"fmt"
	"io"
)

// An Adapter joins flows to something that is no broker (Channel Adapter). It is
// a struct of options that implements SourceAdapter, SinkAdapter or both.
type Adapter any

// A SourceAdapter may be what a flow takes its messages from.
type SourceAdapter interface {
	// OpenSource is called once for each flow that reads the adapter.
	OpenSource(ctx context.Context, env *AdapterEnv) (AdapterSource, error)
}

// A SinkAdapter may be where messages go.
type SinkAdapter interface {
	// OpenSink is called once for each flow that sends to the adapter.
	OpenSink(ctx context.Context, env *AdapterEnv) (AdapterSink, error)
}

// A SourceChecker is an adapter that checks its options once more where a flow
// reads it; a SinkChecker, where a flow sends to it. Both are called before
// anything is opened, and return an [OptionError] where one option is to blame.
type SourceChecker interface{ CheckSource() error }

// A SinkChecker is described at SourceChecker.
type SinkChecker interface{ CheckSink() error }

// OneWay is implemented by adapters whose sinks take messages and never reply, and
// by what leads to them: nobody can ask them anything.
type OneWay interface{ OneWay() bool }

// NeverReplies reports whether nothing that h is sent is ever replied to.
func NeverReplies(h Handler) bool {
	o, ok := h.(OneWay)
	return ok && o.OneWay()
}

// A Claimer is a source adapter that takes something of the machine for itself,
// like an address to listen on. Two sources with the same claim, which is worded
// for people, cannot be open at once; "" claims nothing.
type Claimer interface{ Claim() string }

// An AdapterSource is an open source. Close ends Receive.
type AdapterSource interface {
	Source
	Close() error
}

// An AdapterSink is an open sink. Close finishes what it was given.
type AdapterSink interface {
	Handler
	Close() error
}

// An AdapterEnv is what an adapter is told when it is opened.
type AdapterEnv struct {
	Env
	Stdin  io.Reader
	Stdout io.Writer
	// Positions keeps how far a source was read, over restarts.
	Positions Positions
}

// Positions keep small values by key in the data directory.
type Positions interface {
	// Position returns the value kept under key; nil where there is none.
	Position(key string) ([]byte, error)
	// Keep remembers value under key. It is called when messages are settled, does
	// not wait for the disk, and a later value replaces one not yet written.
	Keep(key string, value []byte)
}

// KeptIn reports whether what is kept in p is kept in store: where they are the
// same, or p says so by a method of this name.
func KeptIn(p, store Positions) bool {
	if k, ok := p.(interface{ KeptIn(store Positions) bool }); ok {
		return k.KeptIn(store)
	}
	return p == store
}

// AdapterRegistry is a Registry that takes adapters only.
type AdapterRegistry struct{ Registry[Adapter] }

// Add enters a constructor; it panics on what is no adapter.
func (r *AdapterRegistry) Add(name string, construct func() Adapter) {
	a := construct()
	_, source := a.(SourceAdapter)
	_, sink := a.(SinkAdapter)
	if !source && !sink {
		panic(fmt.Sprintf("eip: adapter %q is neither a SourceAdapter nor a SinkAdapter", name))
	}
	r.Registry.Add(name, construct)
}

// Adapters are the kinds of adapter that flow files know.
var Adapters AdapterRegistry
