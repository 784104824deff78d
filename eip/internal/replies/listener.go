package replies

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Listener runs a flow beside the one that its owner stands in: a stage that
// sends requests listens so to its Inbox.
type Listener struct {
	flow    *eip.Flow
	inbox   eip.Inbox
	stop    context.CancelFunc
	stopped chan struct{}
	err     atomic.Pointer[error]
}

// Listen runs f from inbox, beside the stage that was opened with env, until Close.
func Listen(inbox eip.Inbox, env *eip.Env, f *eip.Flow) *Listener {
	ctx, stop := context.WithCancel(context.Background())
	f.Name, f.Source, f.Env, f.Grace = env.Address+".replies", inbox, *env, time.Second
	l := &Listener{flow: f, inbox: inbox, stop: stop, stopped: make(chan struct{})}
	go func() {
		defer close(l.stopped)
		err := f.Run(ctx)
		if err == nil && ctx.Err() == nil {
			err = errors.New("the inbox was closed")
		}
		if err != nil {
			l.err.Store(&err)
			f.Env.Log.Error("replies are no longer received", "inbox", inbox.Address(), "error", err)
		}
	}()
	return l
}

// Err returns why the Listener no longer listens; nil while it does, and where there is
// none.
func (l *Listener) Err() error {
	if l == nil || l.err.Load() == nil {
		return nil
	}
	return *l.err.Load()
}

// Busy reports whether messages from the inbox are unsettled; where there is none, none are.
func (l *Listener) Busy() bool { return l != nil && l.flow.InFlight() > 0 }

// Close stops the flow, lets it finish what is in flight until its Grace or ctx
// ends, and closes the inbox. Where there is none it does nothing.
func (l *Listener) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.stop()
	var err error
	select {
	case <-l.stopped:
		err = l.Err()
	case <-ctx.Done():
		err = ctx.Err()
	}
	return errors.Join(err, l.inbox.Close())
}
