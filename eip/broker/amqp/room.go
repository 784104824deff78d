package amqp

import (
	"sync"
	"sync/atomic"
)

// Messages under way: what a sender may always have, and what all senders of a
// broker share beside, so that one that is stuck keeps no other from going on. Each
// of them may come twice after a crash; and RabbitMQ confirms in bursts, between
// which few would leave it idle. So there are few at first, and one more for some
// messages that it confirms: who is stopped time and again doubles few, and who
// runs has all after some thousand messages.
const (
	ownUnconfirmed    = 32
	sharedUnconfirmed = 224
	firstUnconfirmed  = 32 // of the shared
	confirmsForOne    = 32
	maxUnconfirmed    = ownUnconfirmed + sharedUnconfirmed
)

// room is the places that all senders share. Who takes one sends to places.
type room struct {
	places    chan struct{}
	shrinking sync.Mutex
	withheld  atomic.Int32 // of the places
	confirms  atomic.Uint32
}

func newRoom() *room {
	r := &room{places: make(chan struct{}, sharedUnconfirmed)}
	r.shrink()
	return r
}

// grow notes a confirm.
func (r *room) grow() {
	if r.withheld.Load() == 0 || r.confirms.Add(1)%confirmsForOne != 0 {
		return
	}
	if r.withheld.Add(-1) < 0 { // another was faster
		r.withheld.Add(1)
		return
	}
	<-r.places
}

// shrink withholds places again, as far as they are free.
func (r *room) shrink() {
	r.shrinking.Lock()
	defer r.shrinking.Unlock()
	for r.withheld.Load() < sharedUnconfirmed-firstUnconfirmed {
		select {
		case r.places <- struct{}{}:
			r.withheld.Add(1)
		default:
			return
		}
	}
}
