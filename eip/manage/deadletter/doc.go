// Package deadletter is the workbench for what has failed: it reads dead letters where
// they wait, names them, groups them by their cause, and has some of them chosen,
// edited, discarded and passed through their flow once more.
//
// The queue on the broker stays the truth. What the package holds of it are copies to
// look at; what it takes from there is written elsewhere first.
//
// A [Letter] is a dead letter as others may see it, a [Cause] is why it is one, and a
// [Selection] says which are meant.
package deadletter
