package flow

import (
	"context"
	"slices"
	"sync"
)

// openedAtOnce is for how many flows something is opened at once: a broker is asked
// several things for each.
const openedAtOnce = 32

// each opens something for every flow. It returns the first error.
func (p *Process) each(ctx context.Context, open func(*running, context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	turns, failed := make(chan struct{}, openedAtOnce), make(chan error, len(p.flows))
	for _, r := range p.flows {
		turns <- struct{}{}
		if len(failed) > 0 {
			break
		}
		do := func() {
			if err := open(r, ctx); err != nil {
				failed <- err
				cancel() // the others
			}
			<-turns
		}
		if r.alone() {
			do()
			continue
		}
		all.Go(do)
	}
	all.Wait()
	close(failed)
	return <-failed
}

// alone reports whether the flow opens what is opened by one flow at a time: adapters,
// and where a broker moves what queues give up, which flows share.
func (r *running) alone() bool {
	by := func(of ref) bool {
		ch := r.process.config.Channels[of.String()]
		return of.kind == "adapter" || ch != nil && ch.DeadLetter.At != nil
	}
	return slices.ContainsFunc(r.decl.From, func(from *located) bool { return by(from.ref) }) ||
		slices.ContainsFunc(r.decl.order, func(e *endpoint) bool { return by(e.ref) })
}
