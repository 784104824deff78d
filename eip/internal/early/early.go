// Package early is what a store and an adapter agree upon that keep both a message
// and the position after it in one transaction.
package early

import (
	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
)

// A Settler is an [eip.Settler] whose Settle does nothing for nil but keep a
// position.
type Settler interface {
	eip.Settler
	// SettleEarly is called by p, which is about to commit, in one transaction, all
	// that the message was sent as. Where the position is kept in p, it does what
	// Settle does for nil, so that the position becomes part of that transaction,
	// and returns true. It may be called again, and Settle(nil) follows; both must
	// then do nothing more.
	SettleEarly(p adapter.Positions) bool
}
