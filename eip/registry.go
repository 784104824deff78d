package eip

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// A Registry maps the names of flow files to constructors, which set defaults.
// The zero Registry is empty and ready. It is safe for concurrent use.
type Registry[T any] struct {
	mu   sync.RWMutex
	news map[string]func() T
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Add enters a constructor. It panics on a name that is taken or not in
// snake_case: both are mistakes in the program.
func (r *Registry[T]) Add(name string, construct func() T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !snakeCase.MatchString(name) {
		panic(fmt.Sprintf("eip: %q is no snake_case name", name))
	}
	if _, taken := r.news[name]; taken {
		panic(fmt.Sprintf("eip: %q is registered twice", name))
	}
	if r.news == nil {
		r.news = map[string]func() T{}
	}
	r.news[name] = construct
}

// New makes a component with its defaults; false where the name is unknown.
func (r *Registry[T]) New(name string) (T, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	construct, ok := r.news[name]
	if !ok {
		var none T
		return none, false
	}
	return construct(), true
}

// Names returns all names, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.news))
	for n := range r.news {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Stages are the kinds of stage that flow files know.
var Stages Registry[Stage]
