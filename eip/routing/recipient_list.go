package routing

import (
	"context"
	"errors"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/allow"
)

func init() { eip.Stages.Add("recipient_list", func() eip.Stage { return NewRecipientList() }) }

// RecipientList is the Recipient List: it sends a copy of each message to every
// channel of a list, which is fixed or computed for each message.
type RecipientList struct {
	// To is a fixed list of recipients.
	To []eip.Target `flow:"to"`
	// Recipients computes the list for each message: one name or a list of names, as
	// the flow file writes them ("queue.big"). A name that comes twice counts once.
	// A list with no name in it, or with a name that is not in allow, makes the
	// message invalid, and nothing is sent.
	Recipients eip.Value `flow:"recipients,names"`
	// Allow lists the channels and adapters that recipients may name.
	Allow []eip.Target `flow:"allow"`
}

// NewRecipientList returns a RecipientList, which needs To, or Recipients and
// Allow.
func NewRecipientList() *RecipientList { return &RecipientList{} }

// Validate checks that the list is either fixed or computed.
func (r *RecipientList) Validate() error {
	switch {
	case len(r.To) > 0 && r.Recipients != nil:
		return eip.OptionErrorf("recipients", "the list is either fixed, by \"to\", or computed, by \"recipients\" and \"allow\"; leave one out")
	case len(r.To) > 0 && len(r.Allow) > 0:
		return eip.OptionErrorf("allow", "it bounds what \"recipients\" computes; a fixed list does not need it")
	case len(r.To) > 0:
		return nil
	case r.Recipients == nil:
		return errors.New("it has no recipients; name them by \"to\", or compute them by \"recipients\" and \"allow\"")
	case len(r.Allow) == 0:
		return eip.OptionErrorf("recipients", "there is no \"allow\"; list the channels that messages may name")
	}
	return allow.Check(r.Allow)
}

// Process sends m to its recipients. One that refuses does not keep m from the
// others.
func (r *RecipientList) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	if r.Recipients == nil {
		var failed error
		for i := range r.To {
			failed = also(failed, r.To[i].Handle(ctx, m))
		}
		m.Sent(len(r.To))
		return failed
	}
	list, err := r.Recipients(ctx, m)
	if err != nil {
		return fmt.Errorf("recipients: %w", err)
	}
	var few [16]bool
	chosen := few[:]
	if len(r.Allow) > len(few) {
		chosen = make([]bool, len(r.Allow))
	}
	err = eachName(list, func(name string) error {
		i, err := indexOf(name, r.Allow)
		if err == nil {
			chosen[i] = true
		}
		return err
	})
	if err != nil { // before anything is sent
		return eip.Invalid(fmt.Errorf("recipients: %w", err))
	}
	var failed error
	for i := range r.Allow {
		if chosen[i] {
			m.Sent(1)
			failed = also(failed, r.Allow[i].Handle(ctx, m))
		}
	}
	return failed
}

func also(failed, err error) error {
	if err == nil {
		return failed
	}
	return errors.Join(failed, err)
}

// Ends is true: messages leave to the recipients.
func (r *RecipientList) Ends() (last, passes bool) { return true, false }
