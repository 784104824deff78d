package flow

import (
	"log/slog"
	"strconv"

	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip/flow/internal/setting"
)

// private is a text that came from the environment or a file. It is kept out of
// diagnostics; elsewhere it may be what a log has to say: a queue's name.
func (d *decoder) private(text string) cty.Value {
	if _, err := strconv.ParseBool(text); err != nil && len(text) > 3 && d.unshownSize+len(text) <= maxUnshown {
		d.unshownSize += len(text) + 100
		d.unshown.Add(text)
	}
	return setting.Private(cty.StringVal(text))
}

// maxUnshown is how much is looked for in diagnostics, which hold no such value by
// themselves.
const maxUnshown = 64 << 10

// remember keeps the texts and numbers in a sensitive value, to hide them.
func (c *Config) remember(v cty.Value) {
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		switch {
		case !v.IsKnown() || v.IsNull():
		case v.Type() == cty.String:
			c.secrets.Add(v.AsString())
		case v.Type() == cty.Number:
			c.secrets.Add(v.AsBigFloat().Text('f', -1))
		}
		return true, nil
	})
}

// learn takes secrets from a setting by its name, or those within it.
func (c *Config) learn(name string, v cty.Value) {
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(at cty.Path, v cty.Value) (bool, error) {
		if !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
			return true, nil
		}
		key := name
		for _, step := range at {
			switch step := step.(type) {
			case cty.GetAttrStep:
				key = step.Name
			case cty.IndexStep:
				if step.Key.Type() == cty.String {
					key = step.Key.AsString()
				}
			}
		}
		c.secrets.Learn(key, v.AsString())
		return true, nil
	})
}

// Redact hides the values of sensitive variables in a text, and what may be secret
// in URLs.
func (c *Config) Redact(text string) string { return c.secrets.Hide(text) }

// Log returns a log whose lines show nothing that Redact hides.
func (c *Config) Log(log *slog.Logger) *slog.Logger { return c.secrets.Log(log) }
