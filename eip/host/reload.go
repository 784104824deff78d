package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// Reload has the first Unit run the flows of its files as they are now, by [Unit.Swap].
// What is wrong with them changes nothing, and nor does a dry run. The default broker and
// the control bus must be as they were: see [flow.Config.Reload].
func (h *Host) Reload(ctx context.Context, dryRun bool) (control.Applied, error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return control.Applied{}, err
	}
	defer h.lifecycle.end()
	return h.reload(ctx, swapping{dryRun: dryRun})
}

// reload is Reload by who holds the lifecycle lock.
func (h *Host) reload(ctx context.Context, s swapping) (did control.Applied, err error) {
	u := h.main.Load()
	if u == nil || h.Draining() {
		return did, errStopping
	}
	if h.options.Reloading != nil && !s.dryRun {
		defer h.options.Reloading()()
	}
	began := time.Now()
	c, diags := u.first.Reload()
	if diags.HasErrors() {
		return did, told(diags)
	}
	s.names = u.names
	if h.options.Pick != nil {
		if s.names, err = h.options.Pick(c); err != nil {
			return did, err
		}
	}
	did, err = u.swap(ctx, c, s)
	if err == nil && !s.dryRun {
		h.log.Info("flows loaded anew", append(did.Attrs(), slog.Duration("after", time.Since(began)))...)
	}
	return did, err
}

// ReloadAt reloads in the background, one time after the other, whenever something comes,
// until ctx or the Host ends. What is wrong is logged, with why it was tried.
func (h *Host) ReloadAt(ctx context.Context, why string, when <-chan struct{}) {
	ctx, cancel := h.whileRunning(ctx)
	h.beside.Go(func() {
		defer cancel()
		for {
			select {
			case <-when:
			case <-ctx.Done():
				return
			}
			h.log.Info("flows are to be loaded anew", slog.String("why", why))
			if err := h.reloadInTime(ctx); err != nil && ctx.Err() == nil {
				h.log.Error("nothing was loaded anew, and the flows run as they did", slog.String("why", why), slog.Any("error", err))
			}
		}
	})
}

// reloadInTime is Reload in the time that a command has.
func (h *Host) reloadInTime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, control.DefaultTimeout)
	defer cancel()
	_, err := h.Reload(ctx, false)
	return err
}

// lookEvery is how often Watch looks at files.
const lookEvery = 250 * time.Millisecond

// Watch reloads whenever files of the first Unit have changed, and then are the same for a
// moment. It is for development: what is half written may be well by itself.
func (h *Host) Watch(ctx context.Context) {
	ctx, cancel := h.whileRunning(ctx)
	changed := make(chan struct{})
	stamp := func() string {
		c, _ := h.main.Load().now()
		return c.Stamp()
	}
	loaded, last := stamp(), ""
	h.ReloadAt(ctx, "files have changed", changed)
	h.beside.Go(func() {
		defer cancel()
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
			now := stamp()
			if now == last && now != loaded {
				select {
				case changed <- struct{}{}:
					loaded = now
				case <-ctx.Done():
					return
				}
			}
			last = now
		}
	})
}
