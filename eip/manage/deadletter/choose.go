package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/eipd/eipd/eip"
)

// A Choice are the letters of a queue that a Selection meant when it was made. What fails
// afterwards is none of them.
type Choice struct {
	IDs  []string       // of all of them, in the order of the queue
	left map[string]int // how many are not taken yet, by what equal letters share of their ids
}

// Choose looks for the letters that are meant in a queue, MostSelected of them at most.
func (w *Jobs) Choose(ctx context.Context, q Queue, s Selection) (*Choice, error) {
	all := func(*eip.Message) error { return nil }
	ids, _, err := w.pick(ctx, q, &Search{Selection: s}, all)
	if err != nil {
		return nil, err
	}
	c := &Choice{ids, map[string]int{}}
	for _, id := range ids {
		c.left[base(id)]++
	}
	return c, nil
}

// pick returns the ids of the letters in a queue that are meant, of those that may be; and
// after how many messages the broker shows no more, where that is so.
func (w *Jobs) pick(ctx context.Context, q Queue, search *Search, bar func(*eip.Message) error) (ids []string, within int, err error) {
	within, err = q.each(ctx, func(m *eip.Message) error {
		l := w.Read(m)
		if why := bar(m); why != nil {
			search.bar(&l, why)
			return nil
		}
		if !search.Picks(&l) {
			return nil
		}
		if len(ids) == MostSelected {
			return errTooMany
		}
		ids = append(ids, l.ID)
		return nil
	})
	if err != nil && !eip.IsGone(err) { // nothing has failed yet
		return nil, 0, fmt.Errorf("look at %s: %w", q, err)
	}
	return ids, within, search.Check()
}

var errTooMany = fmt.Errorf("more than %d letters are meant; narrow it", MostSelected)

// takes reports whether m is one of the letters, and that one is not left any more. Which
// of several equal ones it is does not matter.
func (c *Choice) takes(m *eip.Message) bool {
	at := id(m)
	if c.left[at] == 0 {
		return false
	}
	if c.left[at]--; c.left[at] == 0 {
		delete(c.left, at)
	}
	return true
}

// A Change is who has letters edited or discarded, and why.
type Change struct {
	Flow    string // in whose queue they are
	Invalid bool
	By      string
	Reason  string
}

// archived is a letter as the archive keeps it.
func (c Change) archived(q Queue, how, id string, m *eip.Message) Archived {
	return Archived{ID: id, Flow: c.Flow, Invalid: c.Invalid, Queue: q.String(), How: how, Reason: c.Reason, By: c.By, Message: m}
}

// Bounds of what is discarded in one step.
const (
	discardBatch = 200
	discardBytes = 8 << 20
)

// Discard takes letters from their queue for good. Each is in the archive, on disk,
// before it is acknowledged. It returns how many there were: fewer than were chosen where
// somebody else has taken some meanwhile.
func (w *Jobs) Discard(ctx context.Context, q Queue, c *Choice, a *Archive, why Change) (discarded int, err error) {
	err = w.taking(ctx, q, "a discard by "+why.By, discardBatch, func(t *Taking) error {
		var names Namer // of equal letters each is kept
		var batch []*eip.Message
		var kept []Archived
		size := int64(0)
		settle := func(because error) error {
			if because == nil && len(kept) > 0 {
				because = a.Put(kept)
			}
			for _, m := range batch {
				m.Settle(because)
			}
			if because == nil {
				discarded += len(batch)
			}
			batch, kept, size = nil, nil, 0
			return because
		}
		for len(c.left) > 0 {
			m, err := t.Next(ctx, c.takes)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return settle(err)
			}
			l := Letter{ID: id(m)}
			names.Name(&l)
			batch, kept = append(batch, m), append(kept, why.archived(q, Discarded, l.ID, m))
			if size += m.Size(); len(batch) < discardBatch && size < discardBytes {
				continue
			}
			if err := settle(nil); err != nil {
				return err
			}
		}
		return settle(nil)
	})
	return discarded, err
}

// taking takes letters from a queue that nobody else does meanwhile.
func (w *Jobs) taking(ctx context.Context, q Queue, who string, underWay int, do func(*Taking) error) error {
	q, release, err := w.Claim(ctx, q, who)
	if err != nil {
		return err
	}
	defer release()
	t, err := q.Take(ctx, underWay)
	if err != nil {
		return err
	}
	return errors.Join(do(t), t.Close())
}

// Restore puts an archived letter back into its queue.
func (w *Jobs) Restore(ctx context.Context, q Queue, m *eip.Message) error {
	to, err := q.On.Sender(ctx, q.Channel)
	if err != nil {
		return err
	}
	return errors.Join(eip.Await(ctx, to, m), to.Close())
}
