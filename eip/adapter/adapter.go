package adapter

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/eipd/eipd/eip"
)

// A SourceOpener may be what a flow takes its messages from.
type SourceOpener interface {
	// OpenSource is called once for each flow that reads the adapter.
	OpenSource(ctx context.Context, env *Env) (Source, error)
}

// A SinkOpener may be where messages go.
type SinkOpener interface {
	// OpenSink is called once for each flow that sends to the adapter.
	OpenSink(ctx context.Context, env *Env) (Sink, error)
}

// A SourceChecker is an adapter that checks its options once more where a flow
// reads it; a SinkChecker, where a flow sends to it. Both are called before
// anything is opened, and return an [eip.OptionError] where one option is to blame.
type SourceChecker interface{ CheckSource() error }

// A SinkChecker is described at SourceChecker.
type SinkChecker interface{ CheckSink() error }

// A Claimer is a source adapter that takes something of the machine for itself,
// like an address to listen on. Two sources with the same claim, which is worded
// for people, cannot be open at once; "" claims nothing.
type Claimer interface{ Claim() string }

// OneWay is implemented by adapters whose sinks take messages and never reply:
// nobody can ask them anything.
type OneWay interface{ OneWay() bool }

// A Source is an open source. Close ends Receive.
type Source interface {
	eip.Source
	Close() error
}

// A Sink is an open sink. Close finishes what it was given.
type Sink interface {
	eip.Handler
	Close() error
}

// An Env is what an adapter is told when it is opened.
type Env struct {
	eip.Env
	Stdin  io.Reader
	Stdout io.Writer
	// Positions keeps how far a source was read, over restarts.
	Positions Positions
}

// Channel is what messages of the adapter say that they come from.
func (e *Env) Channel() string { return "adapter." + strings.TrimPrefix(e.Address, e.Flow+".") }

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

// A Program is an option that is plain text in one role of its adapter and an
// expression in another. Source is the text as set; Text compiles it.
type Program struct {
	Source string
	Text   func() (eip.Text, error)
}

// Registry has the kinds of adapter that flow files know.
var Registry eip.Registry[any]

// Add enters a constructor in the Registry; it panics on what is no adapter.
func Add(name string, construct func() any) {
	a := construct()
	_, source := a.(SourceOpener)
	_, sink := a.(SinkOpener)
	if !source && !sink {
		panic(fmt.Sprintf("adapter: %q is neither a SourceOpener nor a SinkOpener", name))
	}
	Registry.Add(name, construct)
}

// Format says what of a stream or file is one message.
type Format string

// The formats.
const (
	Lines Format = "lines"
	Whole Format = "whole"
)

// Options returns all formats.
func (Format) Options() []string { return []string{string(Lines), string(Whole)} }

// Validate checks the option of that name.
func (f Format) Validate() error {
	if f != Lines && f != Whole {
		return eip.OptionErrorf("format", `%q is no format; write "lines" or "whole"`, string(f))
	}
	return nil
}
