package stream

import (
	"sync"
)

// Shared holds what several adapters and flows use at once, while any of them
// does: standard input, a listening address.
type Shared[K comparable, V any] struct {
	mu   sync.Mutex
	uses map[K]*use[V]
}

type use[V any] struct {
	value V
	users int
}

// Acquire returns what is shared under k, and makes it where nobody uses it.
func (s *Shared[K, V]) Acquire(k K, make func() (V, error)) (V, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uses[k]
	if !ok {
		v, err := make()
		if err != nil {
			return v, err
		}
		u = &use[V]{value: v}
		if s.uses == nil {
			s.uses = map[K]*use[V]{}
		}
		s.uses[k] = u
	}
	u.users++
	return u.value, nil
}

// Release gives k up. When the last user does, drop decides whether what was
// shared goes.
func (s *Shared[K, V]) Release(k K, drop func(V) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uses[k]
	if u.users--; u.users == 0 && drop(u.value) {
		delete(s.uses, k)
	}
}
