package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/settle"
)

// Outcomes of an edit.
const (
	Begun       = "begun"        // its end is not known: the process has ended, perhaps
	Passed      = "passed"       // the edited letter has passed the flow
	FailedAgain = "failed_again" // it is a dead letter again, with another id
	Returned    = "returned"     // the flow did not take it: the original is in the queue
)

// Mended is what became of a letter that was edited.
type Mended struct {
	ID      string   `json:"id"`      // of the original, which is in the archive
	Changed []string `json:"changed"` // paths
	Outcome string   `json:"outcome"`
	Error   string   `json:"error,omitempty"` // that it failed again with, or why it was returned
	Before  string   `json:"-"`               // hashes of what it was, and of what it became
	After   string   `json:"-"`
}

// ErrTaken is why a letter is not edited.
var ErrTaken = errors.New("somebody else has taken it meanwhile; nothing was sent")

// Mend has a letter changed, and passes it through its flow. The original is in the
// archive before that, and acknowledged only when the flow has settled the changed one.
func (w *Jobs) Mend(ctx context.Context, s Selection, e Edit, a *Archive, why Change) (Mended, error) {
	f, err := w.flow(s.Flow)
	if err != nil {
		return Mended{}, err
	}
	if err := f.Ready(); err != nil {
		return Mended{}, err
	}
	q, err := f.DeadLetters(ctx, s.Invalid)
	if err != nil {
		return Mended{}, err
	}
	c, err := w.Choose(ctx, q, s)
	if err != nil {
		return Mended{}, err
	}
	did := Mended{ID: c.IDs[0]}
	who := fmt.Sprintf("an edit of letter %s by %s", did.ID, why.By)
	err = w.taking(ctx, q, who, 1, func(t *Taking) error {
		m, err := t.Next(ctx, c.takes)
		if errors.Is(err, io.EOF) {
			return ErrTaken
		}
		if err != nil {
			return err
		}
		return w.mend(ctx, f, m, &did, e, a, why.archived(q, Edited, did.ID, m))
	})
	return did, err
}

func (w *Jobs) mend(ctx context.Context, f Flow, m *eip.Message, did *Mended, e Edit, a *Archive, original Archived) error {
	leave := func(err error) error {
		m.Settle(err)
		return err
	}
	if err := ofFlow(m, f); err != nil {
		return leave(err)
	}
	edited, changed, err := e.Apply(m)
	if err != nil {
		return leave(err)
	}
	did.Changed, did.Before, did.After = changed, digest(m), digest(edited)
	original.Outcome, did.Outcome = Begun, Begun
	if err := a.Put([]Archived{original}); err != nil {
		return leave(err)
	}
	marked := edited.Revived().WithHeader(header.Edited, fmt.Sprintf("%s by %s from letter %s", w.Clock.Now().UTC().Format(time.RFC3339), original.By, did.ID))
	if err := w.pass(ctx, f, m, marked, did); err != nil {
		return fmt.Errorf("letter %s: how its edit ends is not known yet: %w", did.ID, err)
	}
	return a.Note(did.ID, func(l *Archived) { l.Outcome = did.Outcome })
}

// pass passes a changed letter through the flow, and waits until the original has settled
// as it has.
func (w *Jobs) pass(ctx context.Context, f Flow, m, marked *eip.Message, did *Mended) error {
	ended := make(chan Mended, 1)
	through(f, m, marked, func(outcome) {}, func(o outcome, end settle.End) {
		switch {
		case o.returned != nil:
			ended <- Mended{Outcome: Returned, Error: o.returned.Error()}
		case o.failure != nil:
			ended <- Mended{Outcome: FailedAgain, Error: o.failure.Error()}
		case end == settle.Done:
			ended <- Mended{Outcome: Passed}
		default:
			ended <- Mended{Outcome: Begun}
		}
	})
	select {
	case end := <-ended:
		did.Outcome, did.Error = end.Outcome, end.Error
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
