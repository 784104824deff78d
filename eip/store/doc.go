// Package store is where stages remember: aggregators their groups, idempotent receivers
// what they have seen, delays what waits.
//
// A [Store] holds a [Space] for each stage, by its address, and nothing is shared between
// spaces. A space is an ordered map of keys to values; a key may have a time at which it
// is due. What a stage wants to remember of a message is a change, a function of a [Tx],
// and goes with the message by [Keep]: it is on disk before the message settles, or the
// message fails.
//
//	Process(m)  ──  Keep(m, space, change); return nil
//	                     │
//	nobody holds m       ▼
//	Commit       ──  change runs; with the embedded broker's own store m leaves its
//	                 queue, and what was made of it is in its queue, in the same transaction
//	                     │
//	on disk              ▼
//	m settles    ──  its source is told
//
// So what is remembered and what is acknowledged never contradict each other but in one
// way: a change may be on disk whose message comes again. A stage must know such a message
// by its identity; where message and store are one file, none comes.
//
// What a stage sends of its own, it writes down first, and an [Outbox] sends it until it
// has settled.
package store
