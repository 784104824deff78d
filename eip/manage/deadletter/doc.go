// Package deadletter is the workbench for what has failed: it reads dead letters where
// they wait, names them, groups them by their cause, and has some of them chosen,
// edited, discarded and passed through their flow once more.
//
// The queue on the broker stays the truth. What the package holds of it are copies to
// look at; what it takes from there is written elsewhere first.
//
// A [Letter] is a dead letter as others may see it, a [Cause] is why it is one, and a
// [Selection] says which are meant.
//
// A [Taking] takes letters out of a queue, of which one in a process, and on RabbitMQ one
// in all processes, does so at a time. [Jobs] are replays: each has a Selection that is
// frozen, goes on by the steps of its [Plan], and is kept in a store before it touches a
// letter, so that it outlives the process. What a letter is to a job is noted before the
// flow has it, and with its acknowledgement: job.go has the states, run.go and pass.go the
// way of a letter, ledger.go what is on disk.
package deadletter
