// Package settle is what package eip tells the stores of this module about messages,
// so that the acknowledgement of a message, what was made of it and what is remembered
// of it are committed together. Package eip sets the functions; a message is an
// *eip.Message.
package settle

var (
	// Settler returns who is told when the message settles, an eip.Settler, where the
	// message was made by eip.NewFor; else nil.
	Settler func(message any) any

	// Certain reports whether the message will settle with nil once its caller has
	// released the given number of holds, all that it has: nobody else holds the
	// message, and nothing has failed.
	Certain func(message any, holds int) bool

	// Park has p done when the calls that work on a message have returned, and given up
	// their references. It is done earlier where such a call passes the message to a
	// further stage, forks it or has somebody hold it, as it may wait there for what p
	// does. false: no call works on it, and p is not done.
	Park func(message any, p Parked) bool

	// Hold is the message's Hold for who parks: what is parked stays so.
	Hold func(message any) (release func(error))

	// Unpark does what is parked for a message.
	Unpark func(message any)

	// Resume is a call that works on a message which a stage has held: it is released with
	// the call's error before what is parked is done.
	Resume func(message any, release func(error), call func() error)

	// Attach adds a step to what is to be on disk before the message settles with nil.
	// It is forgotten where the message fails, and made anew in the next attempt.
	Attach func(message any, s Step)

	// Steps returns the steps that are attached and not yet made.
	Steps func(message any) []Step

	// Made says that the steps for a store are on disk.
	Made func(message any, by Store)

	// Identity returns what is equal of those copies of a message that settle together,
	// and of no others. It is comparable.
	Identity func(message any) any

	// Charged is how many bytes a message's flow counts of it.
	Charged func(message any) int64

	// Ended has f called when the message has settled for good, after its last attempt.
	// f must not block.
	Ended func(message any, f func(End))
)

// Parked is something that waits for the calls of a message.
type Parked interface{ Unpark() }

// An End is what became of a message.
type End int

const (
	Done     End = iota // it has not failed
	Failed              // for good: it is among the dead letters, or invalid
	Returned            // it is left to its source, and may come again
)

// A Step is a change in a store.
type Step struct {
	Store Store
	Do    any    // what the Store knows it as
	At    string // the address of the stage that made it, which an error names
}

// A Store makes steps. Those of the same one are made together, so it must be comparable.
type Store interface {
	// Commit makes all steps or none, and calls done when they are on disk, or with the
	// error and the number of the step that cannot be made; -1: no single one. settler
	// is what Settler returns of their message, which nobody holds any more. It must
	// not block.
	Commit(settler any, steps []Step, done func(step int, err error))
}
