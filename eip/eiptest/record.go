package eiptest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
)

// Message makes a message of its own with the given text as body.
func Message(body string) *eip.Message { return eip.New([]byte(body), nil) }

// A Recorder is a Handler that accepts messages and keeps them. The zero Recorder
// is ready.
type Recorder struct {
	// Err, where set, says what comes of a message; those it refuses are kept too.
	Err func(*eip.Message) error

	mu       sync.Mutex
	messages []*eip.Message
}

// Handle keeps m.
func (r *Recorder) Handle(_ context.Context, m *eip.Message) error {
	r.mu.Lock()
	r.messages = append(r.messages, m)
	r.mu.Unlock()
	if r.Err != nil {
		return r.Err(m)
	}
	return nil
}

// Messages returns what was recorded, in the order of arrival.
func (r *Recorder) Messages() []*eip.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// Bodies returns the recorded messages' bodies, in the order of arrival.
func (r *Recorder) Bodies() []string {
	var bodies []string
	for _, m := range r.Messages() {
		bodies = append(bodies, string(m.Body()))
	}
	return bodies
}

// Process gives a copy of m to stage, waits until it has settled, and returns
// what the stage passed on and what the copy settled with. The stage must be open
// already, where it needs that.
func Process(ctx context.Context, stage eip.Stage, m *eip.Message) (passed []*eip.Message, settled error) {
	var next Recorder
	settled = eip.Await(ctx, eip.Chain([]eip.Stage{stage}, &next), m)
	return next.Messages(), settled
}

// Source yields messages and then ends, and knows how each settled. It is safe
// for concurrent use.
type Source struct {
	mu       sync.Mutex
	messages []*eip.Message
	next     int
	settled  [][]error
}

// NewSource makes a Source of copies of the given messages.
func NewSource(messages ...*eip.Message) *Source {
	return &Source{messages: messages, settled: make([][]error, len(messages))}
}

// NewTexts makes a Source of one message for each text.
func NewTexts(texts ...string) *Source {
	var messages []*eip.Message
	for _, text := range texts {
		messages = append(messages, Message(text))
	}
	return NewSource(messages...)
}

// NewNumbers makes a Source of n messages whose bodies are the numbers from 1.
func NewNumbers(n int) *Source {
	var messages []*eip.Message
	for i := range n {
		messages = append(messages, Message(fmt.Sprint(i+1)))
	}
	return NewSource(messages...)
}

// Receive yields the next message, or io.EOF.
func (s *Source) Receive(context.Context) (*eip.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == len(s.messages) {
		return nil, io.EOF
	}
	i := s.next
	s.next++
	return s.messages[i].Fork(func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settled[i] = append(s.settled[i], err)
	}), nil
}

// Settled returns what message i, counted from 0, settled with so far.
func (s *Source) Settled(i int) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.settled[i])
}

// Check reports every message that did not settle exactly once, and well.
func (s *Source) Check(t testing.TB) {
	t.Helper()
	for i := range s.messages {
		if errs := s.Settled(i); len(errs) != 1 || errs[0] != nil {
			t.Errorf("message %d settled with %v, want nil once", i+1, errs)
		}
	}
}
