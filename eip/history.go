package eip

import (
	"time"

	"github.com/eipd/eipd/eip/header"
)

// maxHistory is how many steps a Message History holds. The first ones go when
// there are more: in a circle they tell the least.
const maxHistory = 64

// passed adds one step to the Message History in a message's headers.
func passed(h Headers, address string, at time.Time) Headers {
	before, _ := h[header.History].([]any)
	if over := len(before) + 1 - maxHistory; over > 0 {
		before = before[over:]
	}
	history := make([]any, 0, len(before)+1)
	history = append(append(history, before...), Headers{"address": address, "time": at.UTC().Format(time.RFC3339Nano)})
	c := make(Headers, len(h)+1)
	for name, v := range h {
		c[name] = v
	}
	c[header.History] = history
	return c
}
