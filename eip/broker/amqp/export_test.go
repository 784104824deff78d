package amqp

import "github.com/eipd/eipd/eip/broker"

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
