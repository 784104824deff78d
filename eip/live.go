package eip

import (
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip/internal/live"
)

// A Live is an option that may change while messages pass. A stage says so by the type
// of the field, and asks Load for each message; what decodes, documents and sets
// options finds it by its `flow` tag. T may be a [Validator], of what an operator sets
// it to, and so may the stage, which sees it set and has it undone. An expression is replaced only where the flow file says `dynamic = true`.
//
// The zero Live holds T's zero value. A Live is safe for concurrent use, and must not
// be copied after first use.
type Live[T any] struct {
	first    T
	now      atomic.Pointer[written[T]] // nil: first
	compiler live.Compiler
}

// written is a value with the text of an expression.
type written[T any] struct {
	value T
	text  string
}

// LiveOf returns a Live that holds v, for the field of a literal.
func LiveOf[T any](v T) Live[T] { return Live[T]{first: v} }

// Load returns the present value.
func (l *Live[T]) Load() T {
	if w := l.now.Load(); w != nil {
		return w.value
	}
	return l.first
}

// Set changes the value for the messages that ask from now on.
func (l *Live[T]) Set(v T) { l.set(v, "") }

var sets struct {
	sync.Mutex
	made atomic.Uint64 // by all Lives
}

func (l *Live[T]) set(v T, text string) {
	sets.Lock()
	defer sets.Unlock()
	l.now.Store(&written[T]{v, text})
	sets.made.Add(1)
}

// A Snapshot is what several Lives hold in one moment. The zero Snapshot is ready, and
// safe for concurrent use.
type Snapshot[T any] struct{ last atomic.Pointer[moment[T]] }

type moment[T any] struct {
	sets  uint64
	value T
}

// Load returns what read made of them; read is called again after a Live was set, sets
// none itself, and what it returns is not changed any more.
func (s *Snapshot[T]) Load(read func() T) T {
	if m := s.last.Load(); m != nil && m.sets == sets.made.Load() {
		return m.value
	}
	sets.Lock()
	defer sets.Unlock()
	m := &moment[T]{sets.made.Load(), read()}
	s.last.Store(m)
	return m.value
}

// Option is the Live for those who do not know T.
func (l *Live[T]) Option() live.Option { return (*option[T])(l) }

type option[T any] Live[T]

func (o *option[T]) Value() (v any, text string) {
	if w := o.now.Load(); w != nil {
		return w.value, w.text
	}
	return o.first, ""
}

func (o *option[T]) SetValue(v any, text string) { (*Live[T])(o).set(v.(T), text) }
func (o *option[T]) Compiler() *live.Compiler    { return &o.compiler }
