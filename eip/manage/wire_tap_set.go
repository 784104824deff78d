package manage

import (
	"fmt"

	"github.com/eipd/eipd/eip"
)

// SetCompiler tells the tap how to replace its expression.
func (w *WireTap) SetCompiler(source string, compile func(string) (eip.Predicate, error)) {
	w.condition.SetCompiler(source, compile)
}

// Settable returns whether the tap is on, how much it copies, and which messages,
// where that is dynamic.
func (w *WireTap) Settable() map[string]any {
	all := map[string]any{"enabled": w.enabled.or(w.Enabled), "sample": w.sample.or(w.Sample)}
	if w.Dynamic && w.condition.Replaceable() {
		all["if"] = w.condition.Source()
	}
	return all
}

// Set switches the tap, or changes how much it copies or which messages.
func (w *WireTap) Set(attribute string, value any) error {
	switch attribute {
	case "enabled":
		return w.enabled.change(attribute, value, boolean)
	case "sample":
		return w.sample.change(attribute, value, fraction)
	case "if":
		if !w.Dynamic {
			return eip.ErrNotDynamic
		}
		if err := w.condition.Replace(value); err != nil {
			return fmt.Errorf("set if: %w", err)
		}
		return nil
	}
	return noAttribute(attribute, "enabled, sample and if")
}
