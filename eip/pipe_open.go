package eip

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Open opens the stages of the pipe; where one fails, or panics, none stays open. It is
// for a stage that can do without this body: flows leave what its own Open has opened by
// this, or tried to, to the stage for good, which closes it. env is the stage's.
func (p *Pipe) Open(ctx context.Context, env *Env) (err error) {
	p.kept.Store(true)
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
		if err != nil {
			err = errors.Join(err, p.Close(ctx))
		}
	}()
	return openStages(ctx, env, p.before(nil), &p.opened)
}

// Close closes the stages of a pipe that was opened, in their order.
func (p *Pipe) Close(ctx context.Context) (err error) {
	for _, c := range p.opened {
		err = errors.Join(err, c.Close(ctx))
	}
	p.opened = nil
	return err
}

// Finish has the stages of a pipe that was opened make what they have left, in their order,
// as a [Finisher] does.
func (p *Pipe) Finish(ctx context.Context) (err error) {
	for _, c := range p.opened {
		if f, ok := c.(Finisher); ok {
			err = errors.Join(err, f.Finish(ctx))
		}
	}
	return err
}

// Trouble says what a stage of the pipe uses and does not work; nil: all does.
func (p *Pipe) Trouble() error { return troubleOf(p.Stages) }

// openStages opens the stages of a chain and what is in their bodies, but for what their
// stages keep open. It adds those that must be closed again to opened.
func openStages(ctx context.Context, env *Env, head Handler, opened *[]Closer) error {
	return eachLink(head, func(l *chainLink) error {
		if o, ok := l.stage.(Opener); ok {
			env := *env
			if env.Address = l.address; env.at != nil {
				env.at(&env, l)
			}
			if err := o.Open(ctx, &env); err != nil {
				return fmt.Errorf("open %s: %w", env.Address, err)
			}
		}
		if c, ok := l.stage.(Closer); ok {
			*opened = append(*opened, c)
		}
		return nil
	})
}

func troubleOf(stages []Stage) error {
	for _, s := range walkWithout(kept, stages) {
		if t, ok := s.(Troubled); ok {
			if err := t.Trouble(); err != nil {
				return err
			}
		}
	}
	return nil
}

func kept(p *Pipe) bool { return p.kept.Load() }
