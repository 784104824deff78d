package amqp

import (
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// Held is how many bytes a source has in memory that are not settled.
func Held(s broker.Source) int64 {
	src := s.(*source)
	src.mu.Lock()
	defer src.mu.Unlock()
	w := src.current.window
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held
}

// Late has a source take a delivery that may not come again, as one is that was read when
// its connection was just lost. It reports whether the source drops it.
func Late(s broker.Source) bool {
	src := s.(*source)
	src.mu.Lock()
	defer src.mu.Unlock()
	w := src.current.window
	w.mu.Lock()
	w.coming = append(w.coming, coming{})
	w.mu.Unlock()
	return w.add(&amqp.Delivery{DeliveryTag: 99}) == nil
}
