package transform

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

func init() { eip.Stages.Add("content_filter", func() eip.Stage { return NewContentFilter() }) }

// ContentFilter takes away what nobody behind it needs, or may see: it keeps some members
// of a body and drops the others, or the other way round.
type ContentFilter struct {
	// Keep lists the members of the body that stay, by their paths: id, customer.name. A path
	// goes through lists, into each element.
	Keep []string `flow:"keep"`
	// Remove lists the members of the body that go, in place of keep.
	Remove []string `flow:"remove"`
	// Headers lists the headers that stay, or with remove those that go. Without it, all stay.
	Headers []string `flow:"headers"`

	paths *content.Selection
}

// NewContentFilter returns a ContentFilter, which needs its Keep or its Remove.
func NewContentFilter() *ContentFilter { return &ContentFilter{} }

// Pattern names what the stage is.
func (*ContentFilter) Pattern() string { return "Content Filter" }

// Validate checks the paths.
func (f *ContentFilter) Validate() error {
	option, paths := "keep", f.Keep
	switch {
	case len(f.Keep) > 0 && len(f.Remove) > 0:
		return eip.OptionErrorf("remove", "what is not in keep goes anyway; give one of both")
	case len(f.Keep)+len(f.Remove) == 0:
		return eip.OptionErrorf("keep", "nothing says what stays; give keep or remove")
	case len(f.Remove) > 0:
		option, paths = "remove", f.Remove
	}
	if _, err := selection(paths); err != nil {
		return eip.OptionErrorf(option, "%v", err)
	}
	return nil
}

// selection reads paths, which may begin with "body." as expressions do.
func selection(paths []string) (*content.Selection, error) {
	within := make([]string, len(paths))
	for i, p := range paths {
		within[i] = strings.TrimPrefix(p, "body.")
	}
	return content.Select(within...)
}

// Open reads the paths.
func (f *ContentFilter) Open(context.Context, *eip.Env) (err error) {
	f.paths, err = selection(slices.Concat(f.Keep, f.Remove))
	return err
}

// Process passes on what stays of m.
func (f *ContentFilter) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	body, err := jsonOf(m)
	if err != nil {
		return err
	}
	cut := f.paths.Without
	if len(f.Keep) > 0 {
		cut = f.paths.Keep
	}
	rest, err := cut(body)
	if err != nil {
		return eip.Invalid(fmt.Errorf("filter body: %w", err))
	}
	if len(rest) < len(body) {
		m = m.WithBody(rest).With(func(m *eip.Message) { m.Encoding = "" })
	}
	if f.Headers != nil {
		m = m.With(func(c *eip.Message) {
			c.Headers = maps.Clone(m.Headers)
			maps.DeleteFunc(c.Headers, func(name string, _ any) bool { return f.goes(name) })
		})
	}
	return next.Handle(ctx, m)
}

// jsonOf is the text of a body that is JSON, or may be.
func jsonOf(m *eip.Message) ([]byte, error) {
	if err := content.MayBeJSON(m.ContentType); err != nil {
		return nil, eip.Invalid(err)
	}
	return m.Content()
}

// goes reports whether a header does. What eipd itself writes stays with keep.
func (f *ContentFilter) goes(name string) bool {
	named := slices.Contains(f.Headers, name)
	if len(f.Keep) > 0 {
		return !named && !strings.HasPrefix(name, "eip-")
	}
	return named
}
