package routing

import (
	"context"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/inner"
	"github.com/eipd/eipd/eip/jsonschema"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("normalizer", func() eip.Stage { return NewNormalizer() }) }

// A Normalizer makes one form of several: each message passes the stages of the first form
// that it has, which translate it.
type Normalizer struct {
	// Format holds the forms, which are tried in the order in which they are written. A
	// message that has none of them is invalid. One without stages is the common form
	// itself.
	Format []*When `flow:"format,block,required,open"`
	// Schema is what comes of each message, or else that is invalid.
	Schema jsonschema.Option `flow:"schema"`
	// Whether the control bus may replace the expressions of all forms while the flow runs.
	Dynamic bool `flow:"dynamic"`

	choice choice
}

// NewNormalizer returns a Normalizer, which needs forms.
func NewNormalizer() *Normalizer { return &Normalizer{} }

// Pattern names what the stage is.
func (*Normalizer) Pattern() string { return "Normalizer" }

// Validate checks the forms. With a schema, one message comes of each, and here.
func (n *Normalizer) Validate() error {
	if len(n.Format) == 0 {
		return eip.OptionErrorf("format", "there is none")
	}
	if n.Schema.Schema != nil {
		for _, w := range n.Format {
			if w.Body.To != nil {
				return eip.OptionErrorf("format", "%q has a `to`, by which messages leave that were not held against the schema; write the `to` behind the normalizer, or leave the schema out", w.Label)
			}
			if name := inner.Mixes(&w.Body); name != "" {
				return eip.OptionErrorf("format", "%s makes messages of its own, which are not held against the schema; write it before or behind the normalizer, or leave the schema out", name)
			}
		}
	}
	return checkBranches("format", n.Format)
}

// Process translates m.
func (n *Normalizer) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	w, err := n.choice.of(ctx, m, "format", n.Format)
	switch {
	case err != nil:
		return m.Undecided(n, err)
	case w == nil:
		return eip.Invalid(fmt.Errorf("no format fits the message: the expressions of %s are false", labels(n.Format)))
	}
	m.CountAt(n, &w.taken)
	if n.Schema.Schema == nil {
		return w.Body.Process(ctx, m, after(&w.Body, next))
	}
	made, err := inner.Pass(ctx, &w.Body, m)
	if err != nil || made == nil {
		return err
	}
	if err := n.Schema.Check(ctx, made); err != nil {
		return fmt.Errorf("format %q: %w", w.Label, err)
	}
	return next.Handle(ctx, made)
}

// Nested returns the bodies of the forms.
func (n *Normalizer) Nested() []*eip.Pipe { return bodies(n.Format) }

// Ends is true where no form's messages come out.
func (n *Normalizer) Ends() (last, passes bool) { return allEnd(n.Nested()) }

// Stats returns how many messages had each form, by its label.
func (n *Normalizer) Stats() stats.Own {
	counts := taken(n.Format)
	return stats.Own{Counts: counts, Branches: counts}
}
