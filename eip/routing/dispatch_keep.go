package routing

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
)

// A plugin that cannot be opened is tried again after a while: twice as long each
// time, less a random part of up to a half.
const (
	reopenAfter  = time.Second
	reopenAtMost = 30 * time.Second
)

// keeper keeps open the plugins that a flow can do without, from Open to Close.
type keeper struct {
	opened  atomic.Bool
	plugins []*Plugin
	cancel  context.CancelFunc
	trying  sync.WaitGroup
}

// closed is why a plugin is not open, and after what time it is tried again.
type closed struct {
	why   error
	again time.Duration
}

func (k *keeper) open(ctx context.Context, env *eip.Env, plugins []*Plugin) {
	var lasting context.Context
	lasting, k.cancel = context.WithCancel(context.Background())
	k.plugins = nil
	for _, p := range plugins {
		if p.Required {
			continue
		}
		k.plugins = append(k.plugins, p)
		log := env.Log.With(slog.String("stage", env.Address), slog.String("plugin", p.Label))
		if wait := reopenAfter; !p.open(ctx, env, log, wait) {
			k.trying.Go(func() { p.keepTrying(lasting, env, log, wait) })
		}
	}
	k.opened.Store(true)
}

// open opens the plugin, which otherwise is tried again after about that time.
func (p *Plugin) open(ctx context.Context, env *eip.Env, log *slog.Logger, again time.Duration) bool {
	why := p.Body.Open(ctx, env)
	if why == nil {
		p.closed.Store(nil)
		return true
	}
	if was := p.closed.Swap(&closed{why, again}); was == nil || was.why.Error() != why.Error() {
		log.Error("the plugin does not work and will be tried again, and its messages fail", slog.Any("error", why))
	}
	return false
}

func (p *Plugin) keepTrying(ctx context.Context, env *eip.Env, log *slog.Logger, wait time.Duration) {
	for env.Clock.Sleep(ctx, wait-rand.N(wait/2)) == nil {
		wait = min(2*wait, reopenAtMost)
		if p.open(ctx, env, log, wait) {
			log.Info("the plugin works now")
			return
		}
	}
}

func (k *keeper) finish(ctx context.Context) (err error) {
	for _, p := range k.plugins {
		if p.closed.Load() == nil {
			err = errors.Join(err, p.Body.Finish(ctx))
		}
	}
	return err
}

func (k *keeper) close(ctx context.Context) (err error) {
	if !k.opened.Swap(false) {
		return nil
	}
	k.cancel()
	k.trying.Wait()
	for _, p := range k.plugins {
		err = errors.Join(err, p.Body.Close(ctx))
		p.closed.Store(nil)
	}
	return err
}
