package routing

// A PartFormat is how a body is a list of parts.
type PartFormat string

// The formats.
const (
	FormatLines     PartFormat = "lines"
	FormatJSONArray PartFormat = "json_array"
	FormatJSONLines PartFormat = "json_lines"
	FormatCSV       PartFormat = "csv"
)

// Options returns the formats.
func (PartFormat) Options() []string {
	return []string{string(FormatLines), string(FormatJSONArray), string(FormatJSONLines), string(FormatCSV)}
}

// An EmptyWhole says what becomes of a message without parts.
type EmptyWhole string

// The choices.
const (
	EmptyDropped EmptyWhole = "drop"
	EmptyPasses  EmptyWhole = "pass"
	EmptyInvalid EmptyWhole = "invalid"
)

// Options returns the choices.
func (EmptyWhole) Options() []string {
	return []string{string(EmptyDropped), string(EmptyPasses), string(EmptyInvalid)}
}

// A PartFailure says what fails with a part.
type PartFailure string

// The choices.
const (
	PartFails  PartFailure = "part"
	WholeFails PartFailure = "whole"
)

// Options returns the choices.
func (PartFailure) Options() []string { return []string{string(PartFails), string(WholeFails)} }
