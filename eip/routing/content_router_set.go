package routing

import (
	"fmt"

	"github.com/eipd/eipd/eip"
)

// SetCompiler tells the branch how to replace its expression.
func (w *When) SetCompiler(source string, compile func(string) (eip.Predicate, error)) {
	w.condition.SetCompiler(source, compile)
}

// attribute is what the branch's expression is called among those of its router.
func (w *When) attribute() string { return w.Label + ".if" }

// Settable returns the expressions of the branches where they are dynamic, by the
// branch's label: "big.if".
func (r *ContentRouter) Settable() map[string]any {
	var all map[string]any
	for _, w := range r.When {
		if !r.Dynamic && !w.Dynamic || !w.condition.Replaceable() {
			continue
		}
		if all == nil {
			all = map[string]any{}
		}
		all[w.attribute()] = w.condition.Source()
	}
	return all
}

// Set replaces the expression of one branch, where it is dynamic. A message is
// tried with the expressions of one moment.
func (r *ContentRouter) Set(attribute string, value any) error {
	r.replacing.Lock()
	defer r.replacing.Unlock()
	for _, w := range r.When {
		if w.attribute() != attribute {
			continue
		}
		if !r.Dynamic && !w.Dynamic {
			return eip.ErrNotDynamic
		}
		if err := w.condition.Replace(value); err != nil {
			return fmt.Errorf("set %s: %w", attribute, err)
		}
		now := make([]eip.Predicate, len(r.When))
		for i, w := range r.When {
			now[i] = w.condition.Or(w.If)
		}
		r.replaced.Store(&now)
		return nil
	}
	return fmt.Errorf("set %s: there is no such attribute, only the branches' if, like %s", attribute, r.When[0].attribute())
}
