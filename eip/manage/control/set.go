package control

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/internal/live"
	"github.com/eipd/eipd/internal/nearest"
)

// setAttributes is the command set.
func (s *Server) setAttributes(r *request) (any, error) {
	targets, err := s.settables(r)
	if err != nil {
		return nil, err
	}
	lease := r.duration("for", s.MaxLease)
	if r.wrong != nil {
		return nil, r.wrong
	}
	given, err := plain(r.Args)
	if err != nil {
		return nil, err
	}
	values, _ := given.(map[string]any)
	delete(values, "for")
	if len(values) == 0 {
		return nil, Errorf(BadArgs, "set needs an attribute and its value, like enabled = true")
	}
	results := map[string]any{}
	var refused error
	for _, t := range targets {
		result, err := s.setOf(r, t, values, lease)
		switch {
		case err == nil:
			results[t.address()] = result
		case refused == nil:
			refused = err
		}
	}
	switch {
	case len(results) == 0:
		return nil, refused
	case strings.Contains(r.Target, "*"): // those that have no such attribute are not meant
		return results, nil
	}
	return results[targets[0].address()], nil
}

func (s *Server) setOf(r *request, t settableTarget, values map[string]any, lease time.Duration) (map[string]any, error) {
	if t.Settable == nil {
		return nil, Errorf(BadArgs, "nothing of the %s %s can be set", t.Kind, t.address())
	}
	there := t.own(t.Settable.Settable())
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, ok := there[name]; ok {
			continue
		}
		if errors.Is(t.Settable.Set(t.prefix+name, values[name]), live.ErrNotDynamic) {
			return nil, Errorf(NotAllowed, "set %s of %s: %v", name, t.address(), live.ErrNotDynamic)
		}
		if r.Target == "" {
			return nil, Errorf(BadArgs, "set needs a stage as its target; of the process itself it sets %s", everyAttribute)
		}
		return nil, Errorf(BadArgs, "%s has no attribute %q that can be set%s", t.address(), clip(name), nearest.Hint(name, slices.Collect(maps.Keys(there))))
	}
	if r.Target == "" && s.publisher.Load() == nil && !s.starting() {
		return nil, Errorf(NotAllowed, "this process publishes nothing, as it has no topic of the control bus")
	}
	return s.change(r, t, values, lease)
}

func (s *Server) change(r *request, t settableTarget, values map[string]any, lease time.Duration) (map[string]any, error) {
	forAll := r.from.On == "topic" && r.ForAll()
	was, until, err := s.settings.change(t.Address, t.Settable, t.full(values), lease, forAll)
	if err != nil {
		return nil, Errorf(BadArgs, "%v", err)
	}
	was = t.own(was)
	result, now := map[string]any{"was": was}, t.own(t.Settable.Settable())
	for name := range values {
		result[name] = now[name]
		if len(values) == 1 {
			result["was"] = was[name]
		}
	}
	if until != nil {
		result["until"] = until.UTC()
	}
	return result, nil
}
