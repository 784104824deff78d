package flowtest

import (
	"context"
	"time"

	"github.com/eipd/eipd/eip"
)

// unruly gives messages twice, or in another order, where faults say so. Only one goroutine
// receives.
type unruly struct {
	faults *faults
	at     string
	next   []*eip.Message
}

// pairing is how long a message waits for the one that is to come before it, in time that
// passes only while nothing moves.
const pairing = 10 * time.Millisecond

func (u *unruly) receive(ctx context.Context, from func(context.Context) (*eip.Message, error)) (*eip.Message, error) {
	if len(u.next) > 0 {
		m := u.next[0]
		u.next = u.next[1:]
		return m, nil
	}
	m, err := from(ctx)
	if m == nil || err != nil {
		return m, err
	}
	twice, err := u.faults.meets(ctx, u.at, m, func(b *faultBlock) bool { return b.Duplicate })
	if err == nil && twice != nil {
		u.next = append(u.next, m)
		again := detached(m)
		if r := m.Replier(); r != nil {
			again = again.WithReplier(r)
		}
		return eip.Derive(m, func(*eip.Message) came { return came{} }).arrive(again), nil
	}
	late, err := u.faults.meets(ctx, u.at, m, func(b *faultBlock) bool { return b.Reorder })
	if err != nil || late == nil {
		return m, nil
	}
	waiting, cancel := context.WithTimeout(ctx, pairing)
	defer cancel()
	other, _ := from(waiting)
	if other == nil {
		return m, nil
	}
	u.next = append(u.next, m)
	return other, nil
}

// close gives back what was taken and not passed on.
func (u *unruly) close() {
	for _, m := range u.next {
		m.Settle(eip.ErrClosed)
	}
	u.next = nil
}
