package flow

import (
	"context"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/eipd/eipd/eip"
)

// remember keeps the texts in a sensitive value, to redact them.
func (c *Config) remember(v cty.Value) {
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.IsKnown() && !v.IsNull() && v.Type() == cty.String && len(v.AsString()) > 3 && !slices.Contains(c.secrets, v.AsString()) {
			c.secrets = append(c.secrets, v.AsString())
		}
		return true, nil
	})
}

// Redact hides the values of sensitive variables in a text.
func (c *Config) Redact(text string) string {
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, "(sensitive)")
	}
	return text
}

// discreet wraps a program whose source holds a sensitive value: its errors repeat
// the source, and travel far, into logs and the headers of dead letters.
func (c *Config) discreet(program any, source string) any {
	if c.Redact(source) == source {
		return program
	}
	hide := func(err error) error {
		if err == nil {
			return nil
		}
		return redacted{c.Redact(err.Error()), err}
	}
	switch f := program.(type) {
	case eip.Predicate:
		return eip.Predicate(func(ctx context.Context, m *eip.Message) (bool, error) {
			v, err := f(ctx, m)
			return v, hide(err)
		})
	case eip.Value:
		return eip.Value(func(ctx context.Context, m *eip.Message) (any, error) {
			v, err := f(ctx, m)
			return v, hide(err)
		})
	case eip.Text:
		return eip.Text(func(ctx context.Context, m *eip.Message) (string, error) {
			v, err := f(ctx, m)
			return v, hide(err)
		})
	case eip.Merge:
		return eip.Merge(func(ctx context.Context, m, reply *eip.Message) (any, error) {
			v, err := f(ctx, m, reply)
			return v, hide(err)
		})
	}
	return program
}

// redacted is an error with another text.
type redacted struct {
	text string
	err  error
}

func (r redacted) Error() string { return r.text }
func (r redacted) Unwrap() error { return r.err }
