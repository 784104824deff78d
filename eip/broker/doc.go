// Package broker says what a broker is: the thing that keeps messages between
// flows. Each transport is a package of its own below this one, and enters itself
// in [Registry] under the scheme of its URLs.
//
// # The contract of a broker
//
// Delivery is at least once. A sender settles a message (releases its hold with
// nil) only when the broker answers for it: on disk where the channel is durable
// and the broker keeps anything, confirmed where it is remote. A source takes a
// message off its channel only when the message's receipt settles with nil; when
// it settles with an error, or the process dies, the message is delivered again,
// with Redelivered set.
//
// A sender's Handle does not wait for the confirm: it keeps the order of its
// calls, holds the message and returns. It blocks while too much is unconfirmed
// or the broker cannot be reached, which slows the flow, and fails only what is
// that message's own failure: the broker refused it, it is too large, its channel
// does not exist. While a broker is away, senders and sources wait for it and
// mend themselves; they return errors only for what waiting cannot mend.
//
// Order is kept from each sender to each channel, and from a channel to its
// source while there is one. Messages given back return to the head of the
// channel.
//
// What a broker cannot do it refuses, and says so by its [Capabilities]; what is optional
// altogether is an interface of its own: [RequestReply], [Caller], [Deep], [Browser], [Idler],
// adapter.Positions. The suite in package eiptest checks each of these both ways.
//
// A broker is safe for concurrent use.
package broker
