package local

import (
	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Check says what is wrong with a channel or subscription of a local broker.
func Check(c broker.Channel, s *broker.Subscription) error {
	switch {
	case c.Address == "":
		return eip.OptionErrorf("address", "it must not be empty")
	case c.MaxLength < 0:
		return eip.OptionErrorf("max_length", "it must be 0 (no limit) or more")
	case c.TTL < 0:
		return eip.OptionErrorf("ttl", "it must be 0 (for ever) or more")
	case c.DeadLetter != "" && c.DeadLetter == c.Address && c.Kind == broker.Queue:
		return eip.OptionErrorf("dead_letter", "a queue cannot be its own dead-letter queue")
	}
	if s == nil {
		return nil
	}
	if s.Prefetch < 0 {
		return eip.OptionErrorf("prefetch", "it must be 0 (1000) or more")
	}
	if _, err := ParsePattern(s.Pattern); err != nil {
		return eip.OptionErrorf("pattern", "%w", err)
	}
	return nil
}
