package stomp

import "github.com/eipd/eipd/eip/broker"

// Held is how many bytes a source has in memory that are not settled.
func Held(s broker.Source) int64 {
	src := s.(*source)
	src.mu.Lock()
	defer src.mu.Unlock()
	src.current.mu.Lock()
	defer src.current.mu.Unlock()
	return src.current.held
}

// Users is how many sources and senders a broker has that are not closed, and do not close.
func Users(b broker.Broker) int { return len(b.(*Broker).opened.All()) }
