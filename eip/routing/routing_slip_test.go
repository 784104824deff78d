package routing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

func ExampleRoutingSlip() {
	var post eiptest.Post // stands for a broker
	steps := []eip.Target{{Name: "check", Handler: post.Channel("check")}, {Name: "pay", Handler: post.Channel("pay")}}

	begin := routing.NewRoutingSlip()
	begin.Allow, begin.Secret = steps, "of all stages of the slip"
	begin.Route = func(context.Context, *eip.Message) (any, error) { return []string{"check", "pay"}, nil }

	next := routing.NewNextStep() // ends the flow behind each step
	next.Allow, next.Secret = steps, begin.Secret

	order := eip.New([]byte("order 7"), nil)
	eip.Deliver(context.Background(), eip.Chain([]eip.Stage{begin}, nil), order)
	for _, step := range steps {
		m, _ := post.Channel(step.Name).Receive(context.Background())
		fmt.Printf("%s: %s\n", step.Name, m.Body())
		eip.Deliver(context.Background(), eip.Chain([]eip.Stage{next}, nil), m)
	}
	// Output:
	// check: order 7
	// pay: order 7
}

const slipSecret = "of all the stages"

func newRoutingSlip(to eip.Handler, route any) *routing.RoutingSlip {
	return &routing.RoutingSlip{Route: value(route), Allow: targets(to, "queue.a", "queue.b", "queue.undo_a"), Secret: slipSecret,
		Undo: map[string]string{"queue.a": "queue.undo_a"}}
}

// slipped is a message as it comes to the first step of a route.
func slipped(t *testing.T, m *eip.Message, route ...string) *eip.Message {
	t.Helper()
	var sent eiptest.Recorder
	if _, err := eiptest.Process(t.Context(), newRoutingSlip(&sent, route), m); err != nil {
		t.Fatal(err)
	}
	return sent.Messages()[0]
}

func TestRoutingSlip_Contract(t *testing.T) {
	with := func(route any) func(eip.Handler) eip.Stage {
		return func(target eip.Handler) eip.Stage { return newRoutingSlip(target, route) }
	}
	for name, c := range map[string]eiptest.StageCase{
		"sets out":    {New: with([]any{"queue.a", "queue.b", "queue.a"})},
		"not allowed": {Outcome: eiptest.Rejects, New: with([]any{"queue.a", "queue.z"})},
		"no step":     {Outcome: eiptest.Rejects, New: with([]any{})},
		"on a slip":   {Outcome: eiptest.Rejects, New: with("queue.a"), Inputs: []*eip.Message{eiptest.Message("x").WithHeader(header.Slip, "x")}},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestRoutingSlip_Bounds(t *testing.T) {
	for name, tt := range map[string]struct {
		route any
		err   string
	}{
		"as many as may be": {strings.Split(strings.Repeat("queue.a ", 49)+"queue.b", " "), ""},
		"one too many":      {strings.Split(strings.Repeat("queue.a ", 50)+"queue.b", " "), "route: it has more than 50 steps"},
		"not allowed":       {[]any{"queue.a", "queue.secret"}, `route: "queue.secret" is not allowed; it must be one of queue.a, queue.b, queue.undo_a`},
		"no list":           {7, "route: the expression gives a number, not a name or a list of names"},
		"empty":             {[]string{}, "route: the list is empty, so the message has nowhere to go"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent eiptest.Recorder
			_, err := eiptest.Process(t.Context(), newRoutingSlip(&sent, tt.route), eiptest.Message("x"))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err || !eip.IsInvalid(err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if sent := len(sent.Messages()); sent > 0 != (tt.err == "") {
				t.Errorf("sent %d times", sent)
			}
		})
	}
}

func TestRoutingSlip_Options(t *testing.T) {
	for want, change := range map[string]func(*routing.RoutingSlip){
		"":       func(*routing.RoutingSlip) {},
		"route":  func(r *routing.RoutingSlip) { r.Route = nil },
		"allow":  func(r *routing.RoutingSlip) { r.Allow, r.Undo = nil, nil },
		"secret": func(r *routing.RoutingSlip) { r.Secret = "" },
		"undo":   func(r *routing.RoutingSlip) { r.Undo["queue.b"] = "queue.z" },
	} {
		r := newRoutingSlip(eip.Discard, "queue.a")
		change(r)
		if err := r.Validate(); optionOf(err) != want {
			t.Errorf("%s: got %v", want, err)
		}
	}
	unknown := newRoutingSlip(eip.Discard, "queue.a")
	unknown.Undo["queue.z"] = "queue.undo_a"
	if err := unknown.Validate(); optionOf(err) != "undo" {
		t.Errorf("a step that is not allowed has an undo: %v", err)
	}
}

// The Message IDs of a slip are the same whenever the message comes again, and fit a broker.
func TestRoutingSlip_MessageIDs(t *testing.T) {
	for id, length := range map[string]int{"order-7": 9, strings.Repeat("x", 200): 202, strings.Repeat("x", 201): 34, "\xff": 34} {
		m := eiptest.Message("x").With(func(m *eip.Message) { m.ID = id })
		got, again := slipped(t, m, "queue.a").ID, slipped(t, m, "queue.a").ID
		if len(got) != length || got != again || !strings.HasSuffix(got, "/1") {
			t.Errorf("%.20q became %q, and then %q", id, got, again)
		}
	}
	a, b := slipped(t, eiptest.Message("x"), "queue.a"), slipped(t, eiptest.Message("x"), "queue.a")
	if a.ID == b.ID || a.ID == "/1" {
		t.Errorf("messages without an identifier became %q and %q", a.ID, b.ID)
	}
	asked := slipped(t, eiptest.Message("x").With(func(m *eip.Message) { m.ID, m.ReplyTo = "7", "inbox" }), "queue.a")
	if asked.CorrelationID != "7" || asked.ReplyTo != "inbox" {
		t.Errorf("a reply would go to %q by %q", asked.ReplyTo, asked.CorrelationID)
	}
}

// A secret that can be guessed is none.
func TestSlip_Secret(t *testing.T) {
	for secret, want := range map[string]string{
		"":                            "secret: it is empty, so anybody could make a slip",
		"s":                           "secret: it has 1 bytes, and must have 16",
		strings.Repeat("s", 15):       "secret: it has 15 bytes, and must have 16",
		strings.Repeat("s", 16):       "",
		strings.Repeat("s", 16) + "é": "",
	} {
		begin, next := newRoutingSlip(eip.Discard, "queue.a"), newNextStep(eip.Discard)
		begin.Secret, next.Secret = secret, secret
		for _, err := range []error{begin.Validate(), next.Validate()} {
			if got := fmt.Sprint(err); want == "" && err != nil || !strings.HasPrefix(got, want) {
				t.Errorf("%d bytes: %s, want %s", len(secret), got, want)
			}
		}
	}
}

// All wrong names are said, in an order that does not change.
func TestRoutingSlip_UndoSaysAll(t *testing.T) {
	r := newRoutingSlip(eip.Discard, "queue.a")
	r.Undo = map[string]string{"queue.b": "queue.undo_b", "queue.c": "queue.undo_a", "nothing": "queue.a"}
	want := `undo: "nothing" is not in "allow"; there is queue.a, queue.b, queue.undo_a
undo: "queue.undo_b" is not in "allow"; did you mean queue.undo_a?
undo: "queue.c" is not in "allow"; did you mean queue.a?`
	if got := fmt.Sprint(r.Validate()); got != want {
		t.Errorf("it says %s\nwant %s", got, want)
	}
}
