package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/endpoint"
)

func ExampleSend() {
	show := func(name string) eip.Handler {
		return eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			fmt.Printf("%s %q: %s\n", name, m.Key, m.Body())
			return nil
		})
	}
	send := endpoint.NewSend()
	send.To = show("topic")
	send.Key = func(_ context.Context, m *eip.Message) (string, error) { return "orders." + m.Type, nil }

	flow := eip.Chain([]eip.Stage{send}, show("next"))
	order := eip.New([]byte("order 7"), nil)
	order.Type = "eu"
	eip.Deliver(context.Background(), flow, order)
	// Output:
	// topic "orders.eu": order 7
	// next "": order 7
}

func TestSend_Contract(t *testing.T) {
	key := func(context.Context, *eip.Message) (string, error) { return "k", nil }
	noKey := func(context.Context, *eip.Message) (string, error) {
		return "", eip.Invalid(errors.New("no such member"))
	}
	for name, c := range map[string]eiptest.StageCase{
		"both":      {Sends: 2, New: func(to eip.Handler) eip.Stage { return &endpoint.Send{To: to, Key: key} }},
		"the copy":  {Sends: 2, New: func(to eip.Handler) eip.Stage { return &endpoint.Send{To: to} }, Next: eip.Discard},
		"next":      {New: func(eip.Handler) eip.Stage { return &endpoint.Send{To: eip.Discard} }},
		"bad key":   {New: func(to eip.Handler) eip.Stage { return &endpoint.Send{To: to, Key: noKey} }, Outcome: eiptest.Rejects},
		"to a list": {Sends: 3, New: func(to eip.Handler) eip.Stage { return &endpoint.Send{To: eip.Multicast{to, to}} }},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// A copy that is refused fails the message before it goes on.
func TestSend_RefusedCopy(t *testing.T) {
	full := errors.New("full")
	to := &eiptest.Recorder{Err: func(*eip.Message) error { return full }}
	passed, err := eiptest.Process(t.Context(), &endpoint.Send{To: to}, eiptest.Message("x"))
	if !errors.Is(err, full) || passed != nil {
		t.Errorf("got %v, passed on %d", err, len(passed))
	}
}

func TestSend_KeyIsTheCopysAlone(t *testing.T) {
	var to eiptest.Recorder
	s := &endpoint.Send{To: &to, Key: func(_ context.Context, m *eip.Message) (string, error) { return m.Key + ".copy", nil }}
	m := eiptest.Message("x")
	m.Key = "a"
	passed, err := eiptest.Process(t.Context(), s, m)
	if err != nil || passed[0].Key != "a" || to.Messages()[0].Key != "a.copy" {
		t.Errorf("%v, key %q went on, %q was sent", err, passed[0].Key, to.Messages()[0].Key)
	}
}

func TestSend_Validate(t *testing.T) {
	if err := endpoint.NewSend().Validate(); optionOf(err) != "to" {
		t.Errorf("got %v", err)
	}
}

// optionOf returns the option that err blames.
func optionOf(err error) string {
	var o *eip.OptionError
	if errors.As(err, &o) {
		return o.Option
	}
	return ""
}
