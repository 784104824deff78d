// Package eip is the core of an enterprise-integration-patterns toolkit: what a
// message is, when it is done, and how stages are put together into flows. The
// vocabulary is that of Hohpe and Woolf, Enterprise Integration Patterns (2003).
// The package imports only the standard library, and packages of this module that do
// the same.
//
// # The shape
//
// A [Source] yields messages in order. A [Flow] walks each message through its
// stages by plain function calls, and the last of them hands it to a [Handler]:
// the sending side of a channel, an adapter, a service. A router's branches, a
// tap's target, a detour's way out and a flow's end are all Handlers, so
// everything composes. A pipe between two stages is a call, not a Go channel:
// back-pressure, errors and cancellation come with it.
//
// # The contract of a stage
//
//   - Return an error: the message failed. Nobody passes it on as if it had
//     worked.
//   - Return nil: the stage answers for the message. It passed it on, or dropped
//     it on purpose.
//   - To finish later, call [Message.Hold] before returning, and the release
//     function that it gives once, from any goroutine. A sink that waits for a
//     broker's confirm does this; it does not block.
//
// A stage MUST be safe for concurrent use: a flow with concurrency calls it from
// several goroutines. It MUST NOT change a message; [Message.With] and its kin
// copy. It MUST return when its context ends, and MUST NOT leave goroutines
// behind after Close. It MAY panic: the panic fails that message alone.
//
// # Settlement
//
// Every message that a source makes has a receipt. The runner holds one reference
// while Handle runs; every Hold is one more. When the last is released, the
// receipt settles with the joined errors: nil acknowledges the message at its
// source, an error makes the flow retry it, and then send it to the dead-letter
// or invalid-message channel. Only when that channel has confirmed is the source
// acknowledged. A copy made by With shares the receipt of the original; one made
// by [Message.Fork] has its own.
//
// A source that loses its connection loses what it has handed out: the broker will
// deliver it again. It says so by its [Settler], and the flow then lets go of the
// message; a sink that keeps messages waiting SHOULD ask [Message.Revoked] before
// it sends one.
//
// # Order
//
// With a concurrency of 1, messages reach every sink in the order of the source;
// with more lanes, those of an equal OrderBy key do. A sink MUST keep the order
// in which Handle was called. A message that fails is retried aside and may come
// out after later ones, unless [Retry.Ordered] is set.
//
// # Life of a component
//
// A component is a struct whose exported fields are its options. It is made with
// its defaults (a registry's New, or the package's constructor), filled in (by a
// flow file or by a Go program), checked (Validate, where it has one), opened
// ([Opener]), used, and closed ([Closer]). An option of type [Live] may change while it
// is used.
//
// # What else a stage may say
//
// A stage says what it can do by further methods, which are looked for on the stage
// itself and never on a wrapper:
//
//   - [Validator]: its options fit together in some ways only.
//   - [Opener], [Closer]: it needs something before it is used, or has something to
//     finish.
//   - [Nester]: it has bodies of its own.
//   - [Ender]: it may be the last of a body that has no `to`.
//   - [Counted]: it counts or measures more than the flow does.
//   - [Busy]: it works on messages that are settled already.
//   - [Troubled]: something that it uses does not work.
//
// Where the book's name of its pattern is another than its own, it has a method
// Pattern() string.
//
// # Errors
//
// [Permanent] marks a failure that trying again cannot mend: the message goes to
// the dead-letter channel at once. [Invalid] marks a message that cannot be read
// or evaluated: it goes to the invalid-message channel. Anything else is passing
// and is retried.
//
// # What is where
//
// Message and its receipt: message.go, receipt.go. What stages and sinks are made of:
// handler.go, pipe.go, component.go. A flow: flow.go and what begins with flow_: how it
// starts, in which lane a message goes, what becomes of it when nobody holds it any
// more, and of what failed for good. How stages are called: chain.go, stage_call.go;
// what is kept of a message over its attempts: attempt_state.go.
//
// Beside this package: stats counts, header names the headers that eipd writes, content
// knows what bodies are; adapter and broker say what these are, and eiptest checks
// that stages, adapters and brokers keep to their contracts.
package eip
