package routing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/allow"
	"github.com/eipd/eipd/internal/nearest"
)

func init() { eip.Stages.Add("routing_slip", func() eip.Stage { return NewRoutingSlip() }) }

// RoutingSlip is the Routing Slip: it gives each message a list of the channels that it is
// to pass, and sends it to the first. The flow behind each of them ends with a next_step.
type RoutingSlip struct {
	// Route computes the steps: one name or a list of names, as the flow file writes them
	// ("queue.pay"), in their order. A channel may come twice. A route without a name, with
	// more than 50, or with one that is not in allow makes the message invalid.
	Route eip.Value `flow:"route,required,names"`
	// Allow lists the channels and adapters that the slip may name.
	Allow []eip.Target `flow:"allow,required"`
	// Undo says where a step is undone when a later one fails for good: the name of the
	// channel, by the name of the step's. Both are in allow.
	Undo map[string]string `flow:"undo"`
	// Slips are signed with it: 16 bytes or more. Every next_step that they come to has the same.
	Secret string `flow:"secret,required"`
}

// NewRoutingSlip returns a RoutingSlip, which needs Route, Allow and Secret.
func NewRoutingSlip() *RoutingSlip { return &RoutingSlip{} }

// Validate checks the options.
func (r *RoutingSlip) Validate() error {
	switch {
	case r.Route == nil:
		return eip.OptionErrorf("route", "it is needed: an expression that gives a list of names, as body.steps")
	}
	if err := checkSecret(r.Secret); err != nil {
		return err
	}
	if err := checkAllowed(r.Allow); err != nil {
		return err
	}
	var names []string
	for _, to := range r.Allow {
		names = append(names, to.Name)
	}
	var wrong []error
	for _, step := range slices.Sorted(maps.Keys(r.Undo)) {
		for _, name := range []string{step, r.Undo[step]} {
			if !slices.Contains(names, name) {
				wrong = append(wrong, eip.OptionErrorf("undo", "%s is not in \"allow\"%s", quote(name), nearest.Hint(name, names)))
			}
		}
	}
	return errors.Join(wrong...)
}

// checkSecret refuses what could be guessed: who has a slip can try secrets as fast as he likes.
func checkSecret(secret string) error {
	const least = 16
	switch n := len(secret); {
	case n == 0:
		return eip.OptionErrorf("secret", "it is empty, so anybody could make a slip; give all stages of the slip the same, as env(\"SLIP_SECRET\")")
	case n < least:
		return eip.OptionErrorf("secret", "it has %d bytes, and must have %d, or it can be found out from a slip; make one by openssl rand -hex 32", n, least)
	}
	return nil
}

// checkAllowed is allow.Check of a list that must not be empty.
func checkAllowed(allowed []eip.Target) error {
	if len(allowed) == 0 {
		return eip.OptionErrorf("allow", "it is empty; list the channels that may be named")
	}
	return allow.Check(allowed)
}

// Pattern names what the stage is.
func (*RoutingSlip) Pattern() string { return "Routing Slip" }

// Process sends m to its first step.
func (r *RoutingSlip) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	if m.Headers[header.Slip] != nil {
		return eip.Invalid(errors.New("the message has a slip already, which must come to its end first"))
	}
	list, err := r.Route(ctx, m)
	if err != nil {
		return fmt.Errorf("route: %w", err)
	}
	s := slip{ID: slipID(m), Done: []slipStep{}}
	if err := eachName(list, func(name string) error { return r.add(&s, name) }); err != nil {
		return eip.Invalid(fmt.Errorf("route: %w", err))
	}
	first, to, err := s.send(m, r.Secret, r.Allow)
	if err != nil {
		return eip.Invalid(err)
	}
	if m.ReplyTo != "" && m.CorrelationID == "" { // or a reply would go by the identifier of a step
		first.CorrelationID = m.ID
	}
	if err := to.Handle(ctx, first); err != nil {
		return err
	}
	m.Sent(1)
	return nil
}

func (r *RoutingSlip) add(s *slip, name string) error {
	if _, err := indexOf(name, r.Allow); err != nil {
		return err
	}
	if len(s.Left) == mostSteps {
		return fmt.Errorf("it has more than %d steps", mostSteps)
	}
	s.Left = append(s.Left, slipStep{To: name, Undo: r.Undo[name]})
	return nil
}

// Ends is true: messages leave to their first step.
func (*RoutingSlip) Ends() (last, passes bool) { return true, false }
