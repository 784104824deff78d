package routing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

func ExampleRecipientList() {
	queue := func(name string) eip.Target {
		return eip.Target{Name: name, Handler: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			fmt.Printf("%s: %s\n", name, m.Body())
			return nil
		})}
	}
	list := routing.NewRecipientList()
	list.Allow = []eip.Target{queue("billing"), queue("stock"), queue("audit")}
	list.Recipients = func(_ context.Context, m *eip.Message) (any, error) { return m.Headers["to"], nil }

	flow := eip.Chain([]eip.Stage{list}, nil)
	order := eip.New([]byte("order 7"), nil).WithHeader("to", []any{"billing", "audit"})
	eip.Deliver(context.Background(), flow, order)
	// Output:
	// billing: order 7
	// audit: order 7
}

// value is an expression that always gives v.
func value(v any) eip.Value {
	return func(context.Context, *eip.Message) (any, error) { return v, nil }
}

func targets(to eip.Handler, names ...string) (list []eip.Target) {
	for _, name := range names {
		list = append(list, eip.Target{Name: name, Handler: to})
	}
	return list
}

func TestRecipientList_Contract(t *testing.T) {
	computed := func(names any) func(eip.Handler) eip.Stage {
		return func(target eip.Handler) eip.Stage {
			return &routing.RecipientList{Recipients: value(names), Allow: targets(target, "a", "b", "c")}
		}
	}
	for name, c := range map[string]eiptest.StageCase{
		"fixed": {Sends: 3, New: func(target eip.Handler) eip.Stage {
			return &routing.RecipientList{To: targets(target, "a", "b", "c")}
		}},
		"computed":    {Sends: 2, New: computed([]any{"c", "a", "c"})},
		"not allowed": {Outcome: eiptest.Rejects, New: computed([]any{"a", "secret"})},
		"nobody":      {Outcome: eiptest.Rejects, New: computed([]any{})},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestRecipientList_Computed(t *testing.T) {
	tests := map[string]struct {
		list any
		want string // the recipients
		err  string
	}{
		"one name":           {"queue.b", "queue.b", ""},
		"list":               {[]any{"queue.a", "queue.c"}, "queue.a queue.c", ""},
		"list of strings":    {[]string{"queue.c"}, "queue.c", ""},
		"twice counts once":  {[]any{"queue.b", "queue.b", "queue.a"}, "queue.a queue.b", ""},
		"not allowed":        {[]any{"queue.a", "queue.bb"}, "", `recipients: "queue.bb" is not allowed; it must be one of queue.a, queue.b, queue.c`},
		"one not allowed":    {"", "", `recipients: "" is not allowed; it must be one of queue.a, queue.b, queue.c`},
		"strings, not known": {[]string{"a"}, "", `recipients: "a" is not allowed; it must be one of queue.a, queue.b, queue.c`},
		"no name":            {[]any{"queue.a", 7}, "", "recipients: element 2 of the list is a number, not a name"},
		"nil in the list":    {[]any{nil}, "", "recipients: element 1 of the list is nil, not a name"},
		"nil":                {nil, "", "recipients: the expression gives nil, not a name or a list of names"},
		"number":             {7, "", "recipients: the expression gives a number, not a name or a list of names"},
		"nobody":             {[]any{}, "", "recipients: the list is empty, so the message has nowhere to go"},
		"a hostile name":     {strings.Repeat("x", 1000), "", `recipients: "` + strings.Repeat("x", 100) + `…" is not allowed; it must be one of queue.a, queue.b, queue.c`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			r := &routing.RecipientList{Recipients: value(tt.list)}
			for _, name := range []string{"queue.a", "queue.b", "queue.c"} {
				r.Allow = append(r.Allow, eip.Target{Name: name, Handler: eip.HandlerFunc(func(context.Context, *eip.Message) error {
					got = append(got, name)
					return nil
				})})
			}
			_, err := eiptest.Process(t.Context(), r, eiptest.Message("x"))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err || !eip.IsInvalid(err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("sent to %v, want %s", got, tt.want)
			}
		})
	}
}

func TestRecipientList_ManyAllowed(t *testing.T) {
	var got eiptest.Recorder
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("queue.q%d", i))
	}
	r := &routing.RecipientList{Recipients: value(names), Allow: targets(&got, names...)}
	if _, err := eiptest.Process(t.Context(), r, eiptest.Message("x")); err != nil || len(got.Messages()) != 40 {
		t.Errorf("%v, sent %d times", err, len(got.Messages()))
	}
	r.Recipients = value("queue.z")
	if _, err := eiptest.Process(t.Context(), r, eiptest.Message("x")); err == nil || !strings.HasSuffix(err.Error(), "queue.q9, 30 more") {
		t.Errorf("got %v", err)
	}
}

// One recipient that refuses does not keep the message from the others, and its
// error is not lost.
func TestRecipientList_OneRefuses(t *testing.T) {
	full := errors.New("full")
	bad := &eiptest.Recorder{Err: func(*eip.Message) error { return full }}
	var good eiptest.Recorder
	list := slices.Concat(targets(bad, "bad"), targets(&good, "good"))
	for _, r := range []*routing.RecipientList{{To: list}, {Recipients: value([]string{"bad", "good"}), Allow: list}} {
		if _, err := eiptest.Process(t.Context(), r, eiptest.Message("x")); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
	if len(good.Messages()) != 2 {
		t.Errorf("the other recipient got %d messages, want 2", len(good.Messages()))
	}
}

func TestRecipientList_FailingExpression(t *testing.T) {
	r := &routing.RecipientList{Allow: targets(eip.Discard, "a"),
		Recipients: func(context.Context, *eip.Message) (any, error) { return nil, errNotThere }}
	if _, err := eiptest.Process(t.Context(), r, eiptest.Message("x")); !errors.Is(err, errNotThere) {
		t.Errorf("got %v", err)
	}
}

func TestRecipientList_Validate(t *testing.T) {
	some := targets(eip.Discard, "queue.a")
	tests := map[string]struct {
		list   routing.RecipientList
		option string
		err    bool
	}{
		"fixed":         {routing.RecipientList{To: some}, "", false},
		"computed":      {routing.RecipientList{Recipients: value("x"), Allow: some}, "", false},
		"neither":       {routing.RecipientList{}, "", true},
		"both":          {routing.RecipientList{To: some, Recipients: value("x"), Allow: some}, "recipients", true},
		"fixed, bound":  {routing.RecipientList{To: some, Allow: some}, "allow", true},
		"unbound":       {routing.RecipientList{Recipients: value("x")}, "recipients", true},
		"allowed twice": {routing.RecipientList{Recipients: value("x"), Allow: slices.Concat(some, some)}, "allow", true},
		"without name":  {routing.RecipientList{Recipients: value("x"), Allow: targets(eip.Discard, "")}, "allow", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tt.list.Validate(); (err != nil) != tt.err || optionOf(err) != tt.option {
				t.Errorf("got %v, want an error of %q: %v", err, tt.option, tt.err)
			}
		})
	}
}
