// Package local is a broker inside this process: queues, topics, subscriptions and
// the bookkeeping of who has which message. Without a [Store] everything is in
// memory; with one, what is durable is on disk as well.
//
// # Locks
//
// Broker.mu guards which channels there are, Queue.mu what is in one of them; a
// store has locks of its own. They are taken in this order. No lock is held while
// a message settles, or while a store waits for the disk.
//
// # A durable queue in memory
//
// A durable queue keeps the next messages in memory, and has the rest on disk only:
//
//	seq:     1 .. 40          41 .. 99        100 .. 5000
//	      settled, gone    taken or ready    spilled to disk
//	                                         ^readFrom   ^last
//
// While it is not spilled, what arrives goes straight to memory. Once the memory
// for all queues together is used up, the queue is spilled: what arrives stays on
// disk, and is read in batches when the memory part is empty, until the reader has
// caught up.
package local
