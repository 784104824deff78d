// Package adapter says what a Channel Adapter is: what joins flows to something that
// is no broker, such as a clock, files, the standard streams, HTTP and programs. Each
// kind is a package of its own below this one, and enters itself in [Registry] by
// [Add]; package all imports them all.
//
// # The contract of an adapter
//
// An adapter is a struct whose exported fields are its options. It is a
// [SourceOpener], a [SinkOpener] or both, and may be a [SourceChecker], a
// [SinkChecker] and a [Claimer]. Opened, it is a [Source] or a [Sink].
//
// Sources deliver again what settles with an error, a moment later; a flow that
// has a dead-letter channel never lets it come to that before it stops. What no
// source can do is told in the documentation of each adapter: bytes that were read
// from a pipe, for one, are gone with the process. How far a source was read it keeps
// in [Positions] when messages are settled, never before.
package adapter
