package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/store"
)

// Open opens the processes that there are.
func (p *ProcessManager) Open(ctx context.Context, env *eip.Env) (err error) {
	p.env = env
	if p.plan, err = p.planned(); err != nil {
		return err
	}
	if p.space, err = p.Store.Space(env.Address, "process_manager"); err != nil {
		return err
	}
	if err := p.needSeal(ctx); err != nil {
		return err
	}
	p.outbox.Due = p.due
	if err := p.space.View(p.warn); err != nil {
		return err
	}
	if err := p.openInbox(ctx, env); err != nil {
		return err
	}
	if err := p.outbox.Open(ctx, env, p.space); err != nil {
		if p.inbox != nil {
			err = errors.Join(err, p.inbox.Close())
		}
		return err
	}
	p.listen(env)
	return nil
}

// warn tells of processes that the plan says nothing of.
func (p *ProcessManager) warn(r store.Reader) error {
	inState, _ := amounts(r)
	for state, n := range inState {
		if p.plan.states[state] == nil && state != undoing && state != undoFailed {
			p.env.Log.Warn("processes are in a state that the flow no longer has; move them", slog.String("stage", p.env.Address), slog.String("state", state), slog.Int64("processes", n))
		}
	}
	return nil
}

// Close ends it. Processes go on when it is open again.
func (p *ProcessManager) Close(ctx context.Context) error {
	err := p.listener.Load().Close(ctx)
	p.listener.Store(nil)
	p.outbox.Close()
	return err
}

// Makes says that a replay brings what it made to where that was to go.
func (*ProcessManager) Makes() bool { return true }

// Outlet takes what processes send, and by a replay replies. What they send nowhere is a message
// that waited for one.
func (p *ProcessManager) Outlet() eip.Handler { return eip.HandlerFunc(p.sendOn) }

func (p *ProcessManager) sendOn(ctx context.Context, m *eip.Message) error {
	named := m.Headers[header.To]
	switch named {
	case nil:
		return p.Process(ctx, m, nil)
	case toReplies:
		return p.replyAgain(ctx, m.Without(header.To))
	case toNobody:
		return eip.Permanent(errors.New("it says what a process was, and is no message that could come again; discard it when all is done"))
	}
	name, _ := named.(string)
	to := p.plan.targets[name]
	if to == nil {
		return eip.Permanent(fmt.Errorf("%s: no process sends to %.100q any more", p.env.Address, name))
	}
	if err := to.Handle(ctx, m.Without(header.To)); err != nil {
		return &eip.StageError{Address: p.env.Address, Err: fmt.Errorf("send to %s: %w", name, err)}
	}
	m.Sent(1)
	return nil
}

// Trouble says that replies are no longer received.
func (p *ProcessManager) Trouble() error {
	if err := p.listener.Load().Err(); err != nil {
		return fmt.Errorf("replies cannot be received: %w", err)
	}
	return nil
}

// Busy reports whether there is something to be sent, or a time will do something to a
// process or to a message that waits for one.
func (p *ProcessManager) Busy() bool {
	return p.listener.Load().Busy() || p.outbox.Holds() || p.pending()
}

func (p *ProcessManager) pending() (is bool) {
	_ = p.outbox.View(func(r store.Reader) error {
		is = amountOf(r, allTimed) > 0 || amountOf(r, allWaiting) > 0
		return nil
	})
	return is
}

// Finish waits until no time will do anything any more, and all is sent.
func (p *ProcessManager) Finish(ctx context.Context) error {
	for p.pending() {
		again, t := p.env.Clock.NewTimer(lookAgain)
		select {
		case <-again:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
	return p.outbox.Flush(ctx)
}
