package local

import (
	"errors"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A queue that goes with its last source stays where another one opens it at that moment:
// what removes it looks again while nobody can.
func TestRemoved_OpenedMeanwhile(t *testing.T) {
	b := inMemory(t)
	defer b.Close()
	q, err := b.declare(queueNamed("q"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := q.open(broker.Subscription{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if q.removed(); q.gone {
		t.Error("the queue was removed from under its source")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if q.removed(); !q.gone {
		t.Error("the queue stays that nobody reads")
	}
}

// What is opened while the broker closes is closed with it, or not opened at all.
func TestSource_OpenedTooLate(t *testing.T) {
	b := inMemory(t)
	q, err := b.declare(queueNamed("q"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := q.open(broker.Subscription{}, false); !errors.Is(err, eip.ErrClosed) {
		t.Errorf("it opens %v, %v", s, err)
	}
}
