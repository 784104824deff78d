package transform

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/eipd/eipd/eip"
)

// JSON returns a stage that maps bodies to Go types and back (Messaging Mapper): f is given
// what a body is as JSON, and what it returns is the new body, as JSON. A body that is no
// In is invalid, as is an Out that JSON cannot hold. Members that In does not have are
// passed over. An error of f fails the message. The rest of the message stays.
func JSON[In, Out any](f func(ctx context.Context, in In) (Out, error)) eip.Stage {
	return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		var in In
		body, err := m.Content()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return eip.Invalid(fmt.Errorf("read the body: %w", err))
		}
		out, err := f(ctx, in)
		if err != nil {
			return err
		}
		if body, err = json.Marshal(out); err != nil {
			return eip.Invalid(fmt.Errorf("write the body: %w", err))
		}
		return next.Handle(ctx, m.WithBody(body).With(func(m *eip.Message) { m.ContentType, m.Encoding = "application/json", "" }))
	})
}
