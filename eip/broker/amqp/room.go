package amqp

import "sync"

// Messages under way: what a sender may always have, and what all senders of a
// broker share beside, so that one that is stuck keeps no other from going on. Each
// of them may come twice after a crash; and RabbitMQ confirms in bursts, between
// which few would leave it idle. So there are few at first, and more when a sender
// has to wait: who is stopped time and again, or has little to send, doubles few.
const (
	ownUnconfirmed    = 8
	sharedUnconfirmed = 248
	firstUnconfirmed  = 24 // of the shared
	confirmsForOne    = 8
	mostAtOnce        = 4
)

// room is the places that all senders share. Who takes one sends to places.
type room struct {
	places   chan struct{}
	mu       sync.Mutex
	withheld int // of the places
	confirms int // since a sender had to wait
}

func newRoom() *room {
	r := &room{places: make(chan struct{}, sharedUnconfirmed)}
	r.shrink(sharedUnconfirmed)
	return r
}

// take waits for a place; without a room, for one's own.
func (r *room) take(done, closed <-chan struct{}, own chan struct{}) (place chan struct{}) {
	if r == nil {
		select {
		case own <- struct{}{}:
			return own
		case <-done:
		case <-closed:
		}
		return nil
	}
	select {
	case own <- struct{}{}:
		return own
	case r.places <- struct{}{}:
		return r.places
	default:
		r.grow()
	}
	select {
	case own <- struct{}{}:
		return own
	case r.places <- struct{}{}:
		return r.places
	case <-done:
	case <-closed:
	}
	return nil
}

// grow makes some more room for a sender that must wait, if enough was confirmed
// since another one had to.
func (r *room) grow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := min(r.confirms/confirmsForOne, mostAtOnce); n > 0 && r.withheld > 0; n-- {
		r.withheld--
		<-r.places // what is withheld is there
	}
	r.confirms = 0
}

// confirmed gives back the place of a message that is confirmed.
func (r *room) confirmed(place chan struct{}) {
	r.mu.Lock()
	r.confirms++
	r.mu.Unlock()
	<-place
}

// shrink withholds up to n places more, as far as they are free.
func (r *room) shrink(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; n > 0 && r.withheld < sharedUnconfirmed-firstUnconfirmed; n-- {
		select {
		case r.places <- struct{}{}:
			r.withheld++
		default:
			return
		}
	}
}
