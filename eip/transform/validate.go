package transform

import (
	"context"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/jsonschema"
)

func init() { eip.Stages.Add("validate", func() eip.Stage { return NewValidate() }) }

// Validate passes on the messages whose bodies fit a JSON Schema. The others are invalid.
type Validate struct {
	// Schema is what bodies must fit.
	Schema jsonschema.Option `flow:"schema,required"`
}

// NewValidate returns a Validate, which needs its Schema.
func NewValidate() *Validate { return &Validate{} }

// Validate checks that there is a schema.
func (v *Validate) Validate() error {
	if v.Schema.Schema == nil {
		return eip.OptionErrorf("schema", "there is none")
	}
	return nil
}

// Process passes m on, or finds it invalid.
func (v *Validate) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if err := v.Schema.Check(ctx, m); err != nil {
		return err
	}
	return next.Handle(ctx, m)
}
