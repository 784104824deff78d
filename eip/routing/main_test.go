package routing_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errNotThere = eip.Invalid(errors.New("no such member"))

// is holds for messages of that body.
func is(body string) eip.Predicate {
	return func(_ context.Context, m *eip.Message) (bool, error) { return string(m.Body()) == body, nil }
}

func always(yes bool) eip.Predicate {
	return func(context.Context, *eip.Message) (bool, error) { return yes, nil }
}

func fails(context.Context, *eip.Message) (bool, error) { return false, errNotThere }

// optionOf returns the option that err blames.
func optionOf(err error) string {
	var o *eip.OptionError
	if errors.As(err, &o) {
		return o.Option
	}
	return ""
}
