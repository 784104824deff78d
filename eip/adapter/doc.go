// Package adapter holds the Channel Adapters, which join flows to what is no
// broker: a clock, files, the standard streams, HTTP and programs. Each is a
// struct of options that enters itself in [eip.Adapters].
//
// Sources deliver again what settles with an error, a moment later; a flow that
// has a dead-letter channel never lets it come to that before it stops. What no
// source can do is told in the documentation of each adapter: bytes that were read
// from a pipe, for one, are gone with the process.
package adapter

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
)

// Format says what of a stream or file is one message.
type Format string

// The formats.
const (
	Lines Format = "lines"
	Whole Format = "whole"
)

// Options returns all formats.
func (Format) Options() []string { return []string{string(Lines), string(Whole)} }

func (f Format) validate() error {
	if f != Lines && f != Whole {
		return eip.OptionErrorf("format", `%q is no format; write "lines" or "whole"`, string(f))
	}
	return nil
}

const defaultMaxBody = 16 << 20

func validateMaxBody(b eip.Bytes) error {
	if b < 1 || b > 1<<30 {
		return eip.OptionErrorf("max_body", "%v is not between 1 byte and 1GiB", b)
	}
	return nil
}

// channelOf is what messages of the adapter say that they come from.
func channelOf(env *eip.AdapterEnv) string {
	return "adapter." + strings.TrimPrefix(env.Address, env.Flow+".")
}

// ids are message identifiers that cost little: random for the source, then
// counted.
type ids struct {
	prefix string
	last   atomic.Uint64
}

func newIDs() *ids { return &ids{prefix: eip.NewID()[:16] + "-"} }

func (s *ids) next() string {
	var b [40]byte
	return string(strconv.AppendUint(append(b[:0], s.prefix...), s.last.Add(1), 10))
}
