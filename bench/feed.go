package main

import (
	"sync"
	"sync/atomic"
)

// A feed is what a contestant takes n messages from, and tells where they went. It
// gives none before it is opened, so that setting up is not measured.
type feed struct {
	n        int64
	bodies   [][]byte
	next     int64 // of the one goroutine that takes
	gate     chan struct{}
	settled  counter
	finished chan struct{}

	tapped  counter
	routed  [routes]counter
	invalid counter
	// uncounted: the contestant's sinks do not say what came where.
	uncounted bool
	// atSink: a message is done when it has come to its sink, and not when its source
	// may forget it, as that is before it has come over a queue.
	atSink bool
	kept   func(body []byte) // of a test: what comes to a sink that is not for what is invalid
}

func newFeed(n int) *feed {
	return &feed{n: int64(n), bodies: corpus().bodies, gate: make(chan struct{}), finished: make(chan struct{})}
}

// take returns the next message; nil after the last.
func (f *feed) take() []byte {
	if f.next == f.n {
		return nil
	}
	if f.next == 0 {
		<-f.gate
	}
	body := f.bodies[f.next%int64(len(f.bodies))]
	f.next++
	return body
}

// settle says that n messages are done.
func (f *feed) settle(n int64) {
	if f.settled.Add(n) == f.n {
		close(f.finished)
	}
}

// counts is where messages went.
func (f *feed) counts() (c [routes]int64) {
	for i := range c {
		c[i] = f.routed[i].Load()
	}
	return c
}

// A counter has a cache line of its own, so that those who count in parallel do not
// slow each other.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// A contestant is one way to do the work: source, wire tap, router on two fields,
// three sinks.
type contestant struct {
	name string
	// start sets it up to take from f, and returns what ends it.
	start func(f *feed) (stop func() error, err error)
}

// background runs work until it is done.
func background(work func() error) (stop func() error) {
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { err = work() })
	return func() error {
		wg.Wait()
		return err
	}
}
