// Package replies is about the replies to messages: who can give none.
package replies

import "github.com/eipd/eipd/eip"

// Never reports whether nothing that h is sent is ever replied to: h, or what it leads
// to, says so by a method OneWay, as adapters do.
func Never(h eip.Handler) bool {
	o, ok := h.(interface{ OneWay() bool })
	return ok && o.OneWay()
}
