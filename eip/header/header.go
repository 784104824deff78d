// Package header names the headers that eipd itself writes. Most say why a message is
// in a dead-letter or invalid-message channel, and nothing in eipd acts upon those.
package header

// The headers.
const (
	Reason      = "eip-reason"       // "failed" or "invalid"
	Error       = "eip-error"        // the last error's text
	Flow        = "eip-flow"         // the flow that gave up
	Stage       = "eip-stage"        // the address of the stage that failed, or of the channel or adapter that did not take the message
	Channel     = "eip-channel"      // where the message was taken from
	Attempts    = "eip-attempts"     // how often it was tried
	FirstFailed = "eip-first-failed" // when it failed first
	Failed      = "eip-failed"       // when it failed last
	Stripped    = "eip-stripped"     // why its other headers are missing
	After       = "eip-after"        // the stage that made the message, behind which a replay has it enter
	To          = "eip-to"           // where that stage was to send it
	Undo        = "eip-undo"         // which channels were told to undo what was done before it failed
	Replays     = "eip-replays"      // how often it was replayed by a job of the dead-letter workbench
	ReplayedBy  = "eip-replayed-by"  // the last such job
	Edited      = "eip-edited"       // when, by whom and from which dead letter it was made by an edit
	Kept        = "eip-kept"         // the file that has the message, where its dead letter has no body
	History     = "eip-history"      // Message History
	Format      = "eip-format"       // Format Indicator
	Test        = "eip-test"         // Test Message
	Group       = "eip-group"        // the key of the group that it was made of, or was a part of
	GroupCount  = "eip-group-count"  // how many parts that group had
	ClosedBy    = "eip-closed-by"    // why it was closed
	Slip        = "eip-slip"         // Routing Slip
	// ErrorCode is of a reply that says why there is no other: a word for programs. Its
	// Error is for people. Callers act upon it.
	ErrorCode = "eip-error-code"
)

// The Message Sequence of a message, where its channel has no other place for it. Those who
// send may set them: a text, two whole numbers, and a list of [id, number, size] in JSON, the
// innermost first.
const (
	SequenceID     = "eip-sequence-id"
	SequenceNumber = "eip-sequence-number"
	SequenceSize   = "eip-sequence-size"
	SequenceOuter  = "eip-sequence-outer"
)

// Status is the header of a reply that says which status its answer over HTTP has,
// where the flow wrote it.
const Status = "http_status"
